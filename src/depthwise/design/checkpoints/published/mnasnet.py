"""MNASNet: torchvision's weights of the second network, and timm's of both."""

from depthwise.design.checkpoints.base import Checkpoint
from depthwise.design.checkpoints.names import TIMM, Naming

_PLACES = {
    f"blocks.{stage}.{repeat}.": f"layers.{7 + stage}.{repeat}.layers." for stage in range(1, 7) for repeat in range(4)
}

_ROW = Naming(
    "torchvision",
    {
        "stem.conv": "layers.{layer}",
        "stem.norm": "layers.{layer}",
        # the block without an expansion lies open in the row, the others are stages in it from place 8 on
        "blocks.0.0.depthwise": "layers.{layer}",
        "blocks.0.0.depthwise_norm": "layers.{layer}",
        "blocks.0.0.projection": "layers.{layer}",
        "blocks.0.0.projection_norm": "layers.{layer}",
        **_PLACES,
        "block": "",
        "expansion": "0",
        "expansion_norm": "1",
        "depthwise": "3",
        "depthwise_norm": "4",
        "projection": "6",
        "projection_norm": "7",
        "head.conv": "layers.14",
        "head.norm": "layers.15",
        "head.classifier": "classifier.1",
    },
    epsilon=1e-5,
)
"""One row of layers and stages."""

_ADDRESS = "https://download.pytorch.org/models/"
_NEW_RECIPE = "https://github.com/pytorch/vision/pull/6019"

# width, file, what its hash begins with, accuracy, recipe
_WIDTHS = (
    (0.5, "mnasnet0.5_top1_67.823-3ffadce67e.pth", "3ffadce67e", 67.734, "https://github.com/1e100/mnasnet_trainer"),
    (0.75, "mnasnet0_75-7090bc5f.pth", "7090bc5f", 71.180, _NEW_RECIPE),
    (1.0, "mnasnet1.0_top1_73.512-f206786ef8.pth", "f206786ef8", 73.456, "https://github.com/1e100/mnasnet_trainer"),
    (1.3, "mnasnet1_3-a4c69d6f.pth", "a4c69d6f", 76.506, _NEW_RECIPE),
)

CHECKPOINTS = {
    f"mnasnet{width}".replace(".", "_") + ".imagenet1k_v1": Checkpoint(
        "mnasnet_b1", _ROW, _ADDRESS + file, sha256=sha256, top1=top1, recipe=recipe, width=width
    )
    for width, file, sha256, top1, recipe in _WIDTHS
}

# model, width, accuracy
_TIMM = {
    "semnasnet_100.rmsp_in1k": ("mnasnet_a1", 1.0, 75.45),
    "semnasnet_075.rmsp_in1k": ("mnasnet_a1", 0.75, 72.992),
    "mnasnet_100.rmsp_in1k": ("mnasnet_b1", 1.0, 74.65),
}

CHECKPOINTS |= {
    name: Checkpoint(
        model, TIMM, f"hf:timm/{name}", top1=top1, recipe=f"https://huggingface.co/timm/{name}", width=width
    )
    for name, (model, width, top1) in _TIMM.items()
}
