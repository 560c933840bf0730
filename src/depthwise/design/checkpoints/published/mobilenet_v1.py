"""MobileNetV1: timm's weights (3600 epochs of its fourth recipe)."""

from depthwise.design.checkpoints.base import UNIT, Checkpoint
from depthwise.design.checkpoints.names import TIMM

CHECKPOINTS = {
    "mobilenetv1_100.ra4_e3600_r224_in1k": Checkpoint(
        "mobilenet_v1",
        TIMM,
        "hf:timm/mobilenetv1_100.ra4_e3600_r224_in1k",
        normalization=UNIT,
        top1=75.382,
        recipe="https://huggingface.co/timm/mobilenetv1_100.ra4_e3600_r224_in1k",
    )
}
