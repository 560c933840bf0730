"""MobileNetV4 of convolutions only: timm's weights; the authors' are not published."""

from depthwise.design.checkpoints.base import IMAGENET, UNIT, Checkpoint
from depthwise.design.checkpoints.names import TIMM_UNIVERSAL

# member, width, resolution, normalization, accuracy at that resolution
_TIMM = {
    "mobilenetv4_conv_small.e2400_r224_in1k": ("small", 1.0, 224, IMAGENET, 73.76),
    "mobilenetv4_conv_small_050.e3000_r224_in1k": ("small", 0.5, 224, UNIT, None),
    "mobilenetv4_conv_medium.e500_r256_in1k": ("medium", 1.0, 256, IMAGENET, 79.928),
    "mobilenetv4_conv_large.e500_r256_in1k": ("large", 1.0, 256, IMAGENET, 81.862),
    "mobilenetv4_conv_large.e600_r384_in1k": ("large", 1.0, 384, IMAGENET, 82.952),
}

CHECKPOINTS = {
    name: Checkpoint(
        f"mobilenet_v4_conv_{member}",
        TIMM_UNIVERSAL,
        f"hf:timm/{name}",
        resolution=resolution,
        normalization=normalization,
        top1=top1,
        recipe=f"https://huggingface.co/timm/{name}",
        width=width,
    )
    for name, (member, width, resolution, normalization, top1) in _TIMM.items()
}
