"""MobileNetV3: torchvision's weights, timm's own, and its ports of the authors', with the minimal networks."""

from depthwise.design.checkpoints.base import UNIT, Checkpoint
from depthwise.design.checkpoints.names import TIMM, TIMM_TF, TORCHVISION_BLOCK

_RECIPE = "https://github.com/pytorch/vision/tree/main/references/classification#mobilenetv3-large--small"

CHECKPOINTS = {
    "mobilenet_v3_large.imagenet1k_v1": Checkpoint(
        "mobilenet_v3_large",
        TORCHVISION_BLOCK,
        "https://download.pytorch.org/models/mobilenet_v3_large-8738ca79.pth",
        sha256="8738ca79",
        top1=74.042,
        recipe=_RECIPE,
    ),
    "mobilenet_v3_large.imagenet1k_v2": Checkpoint(
        "mobilenet_v3_large",
        TORCHVISION_BLOCK,
        "https://download.pytorch.org/models/mobilenet_v3_large-5c1a4163.pth",
        sha256="5c1a4163",
        top1=75.274,
        recipe="https://github.com/pytorch/vision/issues/3995#new-recipe-with-reg-tuning",
    ),
    "mobilenet_v3_small.imagenet1k_v1": Checkpoint(
        "mobilenet_v3_small",
        TORCHVISION_BLOCK,
        "https://download.pytorch.org/models/mobilenet_v3_small-047dcff4.pth",
        sha256="047dcff4",
        top1=67.668,
        recipe=_RECIPE,
    ),
    "mobilenetv3_large_100.ra_in1k": Checkpoint(
        "mobilenet_v3_large",
        TIMM,
        "hf:timm/mobilenetv3_large_100.ra_in1k",
        top1=75.78,
        recipe="https://huggingface.co/timm/mobilenetv3_large_100.ra_in1k",
    ),
    "mobilenetv3_small_100.lamb_in1k": Checkpoint(
        "mobilenet_v3_small",
        TIMM,
        "hf:timm/mobilenetv3_small_100.lamb_in1k",
        top1=67.64,
        recipe="https://huggingface.co/timm/mobilenetv3_small_100.lamb_in1k",
    ),
}

_AUTHORS_RECIPE = "https://github.com/tensorflow/models/tree/master/research/slim/nets/mobilenet"

# model, width, accuracy
_PORTS = {
    "tf_mobilenetv3_large_100.in1k": ("mobilenet_v3_large", 1.0, 75.516),
    "tf_mobilenetv3_large_075.in1k": ("mobilenet_v3_large", 0.75, 73.432),
    "tf_mobilenetv3_small_100.in1k": ("mobilenet_v3_small", 1.0, 67.918),
    "tf_mobilenetv3_small_075.in1k": ("mobilenet_v3_small", 0.75, 65.728),
    "tf_mobilenetv3_large_minimal_100.in1k": ("mobilenet_v3_large_minimal", 1.0, 72.258),
    "tf_mobilenetv3_small_minimal_100.in1k": ("mobilenet_v3_small_minimal", 1.0, 62.890),
}

CHECKPOINTS |= {
    name: Checkpoint(
        model, TIMM_TF, f"hf:timm/{name}", normalization=UNIT, top1=top1, recipe=_AUTHORS_RECIPE, width=width
    )
    for name, (model, width, top1) in _PORTS.items()
}
