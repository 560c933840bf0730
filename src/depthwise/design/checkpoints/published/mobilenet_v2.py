"""MobileNetV2: torchvision's two sets of weights, and timm's."""

from depthwise.design.checkpoints.base import Checkpoint
from depthwise.design.checkpoints.names import TIMM, TORCHVISION_CONV

CHECKPOINTS = {
    "mobilenet_v2.imagenet1k_v1": Checkpoint(
        "mobilenet_v2",
        TORCHVISION_CONV,
        "https://download.pytorch.org/models/mobilenet_v2-b0353104.pth",
        sha256="b0353104",
        top1=71.878,
        recipe="https://github.com/pytorch/vision/tree/main/references/classification#mobilenetv2",
    ),
    "mobilenet_v2.imagenet1k_v2": Checkpoint(
        "mobilenet_v2",
        TORCHVISION_CONV,
        "https://download.pytorch.org/models/mobilenet_v2-7ebf99e0.pth",
        sha256="7ebf99e0",
        top1=72.154,
        recipe="https://github.com/pytorch/vision/issues/3995#new-recipe-with-reg-tuning",
    ),
    "mobilenetv2_100.ra_in1k": Checkpoint(
        "mobilenet_v2",
        TIMM,
        "hf:timm/mobilenetv2_100.ra_in1k",
        top1=72.91,
        recipe="https://huggingface.co/timm/mobilenetv2_100.ra_in1k",
    ),
    "mobilenetv2_050.lamb_in1k": Checkpoint(
        "mobilenet_v2",
        TIMM,
        "hf:timm/mobilenetv2_050.lamb_in1k",
        top1=65.95,
        recipe="https://huggingface.co/timm/mobilenetv2_050.lamb_in1k",
        width=0.5,
    ),
    "mobilenetv2_140.ra_in1k": Checkpoint(
        "mobilenet_v2",
        TIMM,
        "hf:timm/mobilenetv2_140.ra_in1k",
        top1=76.52,
        recipe="https://huggingface.co/timm/mobilenetv2_140.ra_in1k",
        width=1.4,
    ),
}
