"""EfficientNet: torchvision's weights, timm's own and its ports of the authors', and those of efficientnet_pytorch."""

from dataclasses import replace

from depthwise.design.checkpoints.base import IMAGENET, UNIT, Checkpoint
from depthwise.design.checkpoints.names import EFFICIENTNET_PYTORCH, TIMM, TIMM_TF, TORCHVISION_STAGES

_TORCHVISION = "https://download.pytorch.org/models/efficientnet_b"
_TORCHVISION_RECIPE = "https://github.com/pytorch/vision/tree/main/references/classification#efficientnet-v1"
_AUTHORS_RECIPE = "https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet"

# of each member: who trained the weights, what the hash of the file begins with, resolution, accuracy
_FIRST = (
    ("rwightman", "7f5810bc", 224, 77.692),
    ("rwightman", "bac287d4", 240, 78.642),
    ("rwightman", "c35c1473", 288, 80.608),
    ("rwightman", "b3899882", 300, 82.008),
    ("rwightman", "23ab8bcd", 380, 83.384),
    ("lukemelas", "1a07897c", 456, 83.444),
    ("lukemelas", "24a108a5", 528, 84.008),
    ("lukemelas", "c5b4e57e", 600, 84.122),
)

# The smaller members are trained with PyTorch's own epsilon, the larger ones with TensorFlow's, which is the family's.
_EPSILON = {"rwightman": 1e-5, "lukemelas": 1e-3}
_STAGES = {who: replace(TORCHVISION_STAGES, epsilon=epsilon) for who, epsilon in _EPSILON.items()}

CHECKPOINTS = {
    f"efficientnet_b{number}.imagenet1k_v1": Checkpoint(
        f"efficientnet_b{number}",
        _STAGES[who],
        f"{_TORCHVISION}{number}_{who}-{sha256}.pth",
        sha256=sha256,
        resolution=resolution,
        top1=top1,
        recipe=_TORCHVISION_RECIPE,
    )
    for number, (who, sha256, resolution, top1) in enumerate(_FIRST)
} | {
    "efficientnet_b1.imagenet1k_v2": Checkpoint(
        "efficientnet_b1",
        _STAGES["rwightman"],
        f"{_TORCHVISION}1-c27df63c.pth",
        sha256="c27df63c",
        resolution=240,
        top1=79.838,
        recipe="https://github.com/pytorch/vision/issues/3995#new-recipe-with-lr-wd-crop-tuning",
    ),
    "efficientnet_b0.ra_in1k": Checkpoint(
        "efficientnet_b0",
        TIMM,
        "hf:timm/efficientnet_b0.ra_in1k",
        top1=77.694,
        recipe="https://huggingface.co/timm/efficientnet_b0.ra_in1k",
    ),
}

# of each member: resolution; accuracy with AutoAugment, with adversarial examples, with noisy students
_PORTS = (
    (224, 76.834, 77.090, 78.670),
    (240, 78.830, 79.280, 81.394),
    (260, 80.084, 80.308, 82.378),
    (300, 81.644, 81.826, 84.056),
    (380, 83.018, 83.250, 85.162),
    (456, 83.688, 84.258, 86.088),
    (528, 84.116, 84.786, 86.456),
    (600, 84.414, 85.122, 86.840),
)
_TAGS = {"aa_in1k": IMAGENET, "ap_in1k": UNIT, "ns_jft_in1k": IMAGENET}

CHECKPOINTS |= {
    f"tf_efficientnet_b{number}.{tag}": Checkpoint(
        f"efficientnet_b{number}",
        TIMM_TF,
        f"hf:timm/tf_efficientnet_b{number}.{tag}",
        resolution=resolution,
        normalization=_TAGS[tag],
        top1=top1,
        recipe=_AUTHORS_RECIPE,
    )
    for number, (resolution, *accuracies) in enumerate(_PORTS)
    for tag, top1 in zip(_TAGS, accuracies, strict=True)
}

# what is behind the name of each member's file
_FILES = ("355c32eb", "f1951068", "8bb594d6", "5fb5a3c3", "6ed6700e", "b6417697", "c76e70fd", "dcc49843")

CHECKPOINTS |= {
    f"efficientnet_b{number}.efficientnet_pytorch": Checkpoint(
        f"efficientnet_b{number}",
        EFFICIENTNET_PYTORCH,
        f"https://github.com/lukemelas/EfficientNet-PyTorch/releases/download/1.0/efficientnet-b{number}-{file}.pth",
        resolution=_PORTS[number][0],
        recipe=_AUTHORS_RECIPE,
    )
    for number, file in enumerate(_FILES)
}
