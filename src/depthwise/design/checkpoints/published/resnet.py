"""ResNet-18: torchvision's weights, and timm's of "ResNet strikes back" (arXiv 2110.00476)."""

from dataclasses import replace

from depthwise.design.checkpoints.base import Checkpoint
from depthwise.design.checkpoints.names import Naming

_TORCHVISION = Naming(
    "torchvision",
    {
        "stem.conv": "conv1",
        "stem.norm": "bn1",
        "block": "layer{stage1}.{repeat}.",
        "first": "conv1",
        "first_norm": "bn1",
        "second": "conv2",
        "second_norm": "bn2",
        "shortcut": "downsample.0",
        "shortcut_norm": "downsample.1",
        "head.classifier": "fc",
    },
)

CHECKPOINTS = {
    "resnet18.imagenet1k_v1": Checkpoint(
        "resnet18",
        _TORCHVISION,
        "https://download.pytorch.org/models/resnet18-f37072fd.pth",
        sha256="f37072fd",
        top1=69.758,
        recipe="https://github.com/pytorch/vision/tree/main/references/classification#resnet",
    ),
    "resnet18.a1_in1k": Checkpoint(
        "resnet18",
        replace(_TORCHVISION, library="timm"),
        "hf:timm/resnet18.a1_in1k",
        recipe="https://huggingface.co/timm/resnet18.a1_in1k",
    ),
}
