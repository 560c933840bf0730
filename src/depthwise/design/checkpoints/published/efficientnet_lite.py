"""EfficientNet-Lite: the authors' weights as timm and efficientnet_pytorch hold them, and timm's own of the first."""

from depthwise.design.checkpoints.base import UNIT, Checkpoint
from depthwise.design.checkpoints.names import EFFICIENTNET_PYTORCH, TIMM, TIMM_TF

_RECIPE = "https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite"

# of each member: resolution and accuracy of timm's port
_PORTS = ((224, 74.85), (240, 76.67), (260, 77.47), (300, 79.81), (380, 81.54))

_PIXELS_127 = ((127 / 255,) * 3, (128 / 255,) * 3)
"""(pixel - 127) / 128, as the authors' code."""

CHECKPOINTS = {
    f"tf_efficientnet_lite{number}.in1k": Checkpoint(
        f"efficientnet_lite{number}",
        TIMM_TF,
        f"hf:timm/tf_efficientnet_lite{number}.in1k",
        resolution=resolution,
        normalization=UNIT,
        top1=top1,
        recipe=_RECIPE,
    )
    for number, (resolution, top1) in enumerate(_PORTS)
} | {
    "efficientnet_lite0.ra_in1k": Checkpoint(
        "efficientnet_lite0",
        TIMM,
        "hf:timm/efficientnet_lite0.ra_in1k",
        top1=75.49,
        recipe="https://huggingface.co/timm/efficientnet_lite0.ra_in1k",
    ),
}

# of each member: resolution, and what the hash of the file begins with
_FILES = ((224, "57934424"), (240, "77cc7160"), (260, "9656183e"))

CHECKPOINTS |= {
    f"efficientnet_lite{number}.efficientnet_pytorch": Checkpoint(
        f"efficientnet_lite{number}",
        EFFICIENTNET_PYTORCH,
        "",
        sha256=sha256,
        resolution=resolution,
        normalization=_PIXELS_127,
        recipe=_RECIPE,
    )
    for number, (resolution, sha256) in enumerate(_FILES)
}
