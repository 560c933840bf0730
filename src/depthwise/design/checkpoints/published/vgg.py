"""VGG-16 without normalization: torchvision's weights."""

from depthwise.design.checkpoints.base import Checkpoint
from depthwise.design.checkpoints.names import Naming

_DENSE = ("blocks.10.0.dense", "blocks.11.0.dense")

_TORCHVISION = Naming(
    "torchvision",
    {
        "stem.conv": "features.{layer}",
        "block": "",
        "convolution": "features.{layer}",
        **dict(zip(_DENSE, ("classifier.0", "classifier.3"), strict=True)),
        "head.classifier": "classifier.6",
    },
    matrices=frozenset(_DENSE),
)
"""One row of convolutions, activations and poolings; the layers on the whole map are matrices."""

CHECKPOINTS = {
    "vgg16.imagenet1k_v1": Checkpoint(
        "vgg16",
        _TORCHVISION,
        "https://download.pytorch.org/models/vgg16-397923af.pth",
        sha256="397923af",
        top1=71.592,
        recipe="https://github.com/pytorch/vision/tree/main/references/classification#alexnet-and-vgg",
    ),
}
