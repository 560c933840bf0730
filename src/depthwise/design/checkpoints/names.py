"""What other libraries call our parameters: a table of patterns each, filled in by where a layer stands.

Their networks hold the same parameters in the same order within a block; only the numbers of modules differ. So a
table says for each part of a block what it is called, and `places` counts blocks, stages and convolutions. Fields of a
pattern:

    {block}, {block1}    number of the block among all, from 0 and from 1;  {blocks1}: of all blocks, plus 1
    {stage}, {stage1}    number of the stage as papers count, from 0 and from 1;  {stages}, {stages1}: of all, plus 1
    {repeat}             number of the block in its stage, from 0
    {unit}, {unit1}      number of the convolution in its block, from 0 and from 1; squeeze-excite counts as one
    {norm}               number of the normalization in its block, from 1
    {layer}              number of the layer in the network, from 0; activations and poolings count, the input does not
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from depthwise.design import MODELS
from depthwise.design.architecture import Architecture
from depthwise.errors import UserError

_IN_BLOCK = re.compile(r"blocks\.(\d+)\.(\d+)\.(.+)")


@dataclass(frozen=True, eq=False)
class Naming:
    """How a library names parameters.

    Attributes:
        library: its name.
        parts: our part -> pattern of their module. A part of a block goes without the block's name; "block" is the
            pattern that stands before it, "norm" that of every normalization which has none of its own. Without an
            expansion the projection counts as the part "pointwise", that of a depthwise separable block. A layer or a
            block that goes by another rule stands there by its whole name ("blocks.0.0.projection", "blocks.4.0.").
        with_features: further parts of networks with a fully connected layer before the classifier.
        maps: layers whose matrices they keep as 1 x 1 convolutions.
        matrices: layers whose convolutions of whole maps they keep as matrices.
        by_stride: their stages begin where the map shrinks, not where the channels change, too.
        padding: what its networks pad by, where a file does not say so.
        epsilon: of its batch normalization; None: that of the family.
    """

    library: str
    parts: Mapping[str, str]
    with_features: Mapping[str, str] = field(default_factory=dict)
    maps: frozenset[str] = frozenset()
    matrices: frozenset[str] = frozenset()
    by_stride: bool = False
    padding: str = "symmetric"
    epsilon: float | None = None

    def modules(self, architecture: Architecture) -> dict[str, str]:
        """Name of each of our layers with parameters -> that of their module; KeyError if it has no name there.

        Raises:
            UserError: two layers would have one name, as at another depth than the library's.
        """
        if self.library == OURS:
            return {layer.name: layer.name for layer in architecture.layers() if layer.parameters}
        named = {}
        features = architecture.head.features is not None
        parts = {**self.parts, **(self.with_features if features else {})}
        for name, part, fields in places(architecture, self.by_stride):
            if name in parts:
                pattern = parts[name]
            else:
                pattern = parts.get(part) or (parts["norm"] if part.endswith("_norm") else parts[part])
                pattern = parts.get(_block(name), parts["block"]) + pattern
            named[name] = pattern.format(**fields)
        if len(set(named.values())) < len(named):
            raise UserError(f"{self.library} has no names for {architecture.name} at depth {architecture.depth:g}")
        return named

    def keys(self, architecture: Architecture) -> dict[str, str]:
        """Our state_dict key -> theirs; errors are those of `modules`."""
        modules = self.modules(architecture)
        return {
            f"{layer.name}.{parameter}": f"{modules[layer.name]}.{parameter}"
            for layer in architecture.layers()
            for parameter in layer.parameters
        }


OURS = "depthwise"
"""Library of files that hold our own names."""


def places(architecture: Architecture, by_stride: bool = False) -> Iterator[tuple[str, str, dict[str, int]]]:
    """Name, part and numbers of each layer with parameters. Outside of blocks the part is the name."""
    stage_of, stages = _stages(architecture, by_stride)
    block, units, at = -1, [""], ""
    repeats: dict[int, int] = {}
    numbers = {layer.name: number for number, layer in enumerate(architecture.layers()[1:]) if layer.parameters}
    names = list(numbers)
    blocks = len({found.group(1, 2) for name in names if (found := _IN_BLOCK.fullmatch(name))})
    known = set(names)
    for name in names:
        fields = {"blocks1": blocks + 1, "stages": stages, "stages1": stages + 1, "layer": numbers[name]}
        if (found := _IN_BLOCK.fullmatch(name)) is None:
            yield name, name, fields
            continue
        stage, here, part = stage_of[int(found[1])], _block(name), found[3]
        if here != at:
            block, units, at = block + 1, [], here
            repeats[stage] = repeats.get(stage, -1) + 1
        if (unit := part.removesuffix("_norm").split(".")[0]) not in units:
            units.append(unit)
        if unit.startswith("projection") and f"{here}expansion" not in known:
            part = part.replace("projection", "pointwise")
        number = units.index(unit)
        norm = 1 + sum(f"{here}{earlier}_norm" in known for earlier in units[:number])
        yield (
            name,
            part,
            {
                **fields,
                **{"block": block, "block1": block + 1, "stage": stage, "stage1": stage + 1, "repeat": repeats[stage]},
                **{"unit": number, "unit1": number + 1, "norm": norm},
            },
        )


def _block(name: str) -> str:
    """What stands before the part in the name of a block's layer, with the dot."""
    return ".".join(name.split(".")[:3]) + "."


def _stages(architecture: Architecture, by_stride: bool) -> tuple[list[int], int]:
    """For each stage of ours, which one it is in the papers' and libraries' count; and how many these are.

    A table of ours begins a stage wherever blocks differ; theirs go on while the size stays and, unless they count by
    strides alone, the channels do, at width 1.
    """
    known = architecture.name in MODELS
    numbers: list[int] = []
    channels = 0
    for stage in MODELS[architecture.name].stages if known else architecture.stages:
        goes_on = stage.block.stride == 1 and (by_stride or stage.block.channels == channels)
        numbers.append((numbers[-1] if numbers else -1) + (not goes_on))
        channels = stage.block.channels
    return numbers, numbers[-1] + 1


_TIMM_BLOCK = {
    "stem.conv": "conv_stem",
    "stem.norm": "bn1",
    "block": "blocks.{stage}.{repeat}.",
    "expansion": "conv_pw",
    "depthwise": "conv_dw",
    "squeeze_excite.reduction": "se.conv_reduce",
    "squeeze_excite.excitation": "se.conv_expand",
    "projection": "conv_pwl",
    "pointwise": "conv_pw",
    "norm": "bn{norm}",
    "head.conv": "conv_head",
    "head.norm": "bn2",
    "head.classifier": "classifier",
}

TIMM = Naming(
    "timm",
    _TIMM_BLOCK,
    with_features={
        "head.conv": "blocks.{stages}.0.conv",
        "head.norm": "blocks.{stages}.0.bn1",
        "head.features": "conv_head",
    },
    maps=frozenset({"head.features"}),
    epsilon=1e-5,
)
"""timm's efficient networks, trained with PyTorch."""

TIMM_TF = replace(TIMM, padding="same", epsilon=1e-3)
"""timm's `tf_` networks: the same names, the weights and the padding of TensorFlow."""

TORCHVISION_CONV = Naming(
    "torchvision",
    {
        "stem.conv": "features.0.0",
        "stem.norm": "features.0.1",
        "block": "features.{block1}.conv.",
        "expansion": "{unit}.0",
        "depthwise": "{unit}.0",
        "norm": "{unit}.1",
        "projection": "{unit}",
        "projection_norm": "{unit1}",
        "pointwise": "{unit}",
        "pointwise_norm": "{unit1}",
        "head.conv": "features.{blocks1}.0",
        "head.norm": "features.{blocks1}.1",
        "head.classifier": "classifier.1",
    },
)
"""torchvision's first kind: blocks that are a row `conv`, the projection bare in it."""

_TORCHVISION_UNITS = {
    "stem.conv": "features.0.0",
    "stem.norm": "features.0.1",
    "expansion": "{unit}.0",
    "depthwise": "{unit}.0",
    "squeeze_excite.reduction": "{unit}.fc1",
    "squeeze_excite.excitation": "{unit}.fc2",
    "projection": "{unit}.0",
    "pointwise": "{unit}.0",
    "norm": "{unit}.1",
    "head.classifier": "classifier.1",
}

TORCHVISION_BLOCK = Naming(
    "torchvision",
    {
        **_TORCHVISION_UNITS,
        "block": "features.{block1}.block.",
        "head.conv": "features.{blocks1}.0",
        "head.norm": "features.{blocks1}.1",
    },
    with_features={"head.features": "classifier.0", "head.classifier": "classifier.3"},
)
"""torchvision's second kind: blocks in one row, each a row `block` of convolutions with their norms."""

TORCHVISION_STAGES = Naming(
    "torchvision",
    {
        **_TORCHVISION_UNITS,
        "block": "features.{stage1}.{repeat}.block.",
        "head.conv": "features.{stages1}.0",
        "head.norm": "features.{stages1}.1",
    },
)
"""torchvision's third kind: as the second, but the blocks in stages."""

EFFICIENTNET_PYTORCH = Naming(
    "efficientnet_pytorch",
    {
        "stem.conv": "_conv_stem",
        "stem.norm": "_bn0",
        "block": "_blocks.{block}.",
        "expansion": "_expand_conv",
        "expansion_norm": "_bn0",
        "depthwise": "_depthwise_conv",
        "depthwise_norm": "_bn1",
        "squeeze_excite.reduction": "_se_reduce",
        "squeeze_excite.excitation": "_se_expand",
        "projection": "_project_conv",
        "projection_norm": "_bn2",
        "pointwise": "_project_conv",
        "pointwise_norm": "_bn2",
        "head.conv": "_conv_head",
        "head.norm": "_bn1",
        "head.classifier": "_fc",
    },
    padding="same",
    epsilon=1e-3,
)
"""The networks of the package efficientnet_pytorch, whose weights are TensorFlow's."""

TIMM_UNIVERSAL = Naming(
    "timm",
    {
        "stem.conv": "conv_stem",
        "stem.norm": "bn1",
        "block": "blocks.{stage}.{repeat}.",
        "convolution": "conv",
        "convolution_norm": "bn1",
        "first_depthwise": "dw_start.conv",
        "first_depthwise_norm": "dw_start.bn",
        "expansion": "pw_exp.conv",
        "expansion_norm": "pw_exp.bn",
        "depthwise": "dw_mid.conv",
        "depthwise_norm": "dw_mid.bn",
        "projection": "pw_proj.conv",
        "projection_norm": "pw_proj.bn",
        # the fused block that larger networks begin with
        "blocks.0.0.expansion": "blocks.0.0.conv_exp",
        "blocks.0.0.expansion_norm": "blocks.0.0.bn1",
        "blocks.0.0.projection": "blocks.0.0.conv_pwl",
        "blocks.0.0.projection_norm": "blocks.0.0.bn2",
        "head.conv": "blocks.{stages}.0.conv",
        "head.norm": "blocks.{stages}.0.bn1",
        "head.features": "conv_head",
        "head.features_norm": "norm_head",
        "head.classifier": "classifier",
    },
    by_stride=True,
    epsilon=1e-5,
)
"""timm's networks of universal inverted bottlenecks."""
