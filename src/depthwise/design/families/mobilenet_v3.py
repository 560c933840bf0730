"""MobileNetV3: inverted residuals with squeeze-excite and hard-swish (Howard et al. 2019, arXiv 1905.02244).

The tables are 1 and 2 of the paper, with hidden channels as multiples of the input's, as in the authors' code: so width
multipliers scale them as published.

The minimal members are of plain 3 x 3 filters and ReLU, for processors on which squeeze-excite, hard-swish and larger
filters are slow (the authors' code calls them minimalistic).
"""

from collections.abc import Iterable
from dataclasses import replace

from depthwise.design.architecture import Architecture, Head, Stage, Stem
from depthwise.design.blocks.inverted_residual import InvertedResidual
from depthwise.design.blocks.squeeze_excite import SqueezeExcite

_SE = SqueezeExcite()

# expansion, output channels, repeats, stride of the first, kernel, squeeze-excite, activation
_Row = tuple[float, int, int, int, int, SqueezeExcite | None, str]

_LARGE: tuple[_Row, ...] = (
    (1, 16, 1, 1, 3, None, "relu"),
    (4, 24, 1, 2, 3, None, "relu"),
    (3, 24, 1, 1, 3, None, "relu"),
    (3, 40, 3, 2, 5, _SE, "relu"),
    (6, 80, 1, 2, 3, None, "hard_swish"),
    (2.5, 80, 1, 1, 3, None, "hard_swish"),
    (2.3, 80, 2, 1, 3, None, "hard_swish"),
    (6, 112, 2, 1, 3, _SE, "hard_swish"),
    (6, 160, 3, 2, 5, _SE, "hard_swish"),
)

_SMALL: tuple[_Row, ...] = (
    (1, 16, 1, 2, 3, _SE, "relu"),
    (72 / 16, 24, 1, 2, 3, None, "relu"),
    (88 / 24, 24, 1, 1, 3, None, "relu"),
    (4, 40, 1, 2, 5, _SE, "hard_swish"),
    (6, 40, 2, 1, 5, _SE, "hard_swish"),
    (3, 48, 2, 1, 5, _SE, "hard_swish"),
    (6, 96, 3, 2, 5, _SE, "hard_swish"),
)


def _architecture(name: str, table: Iterable[_Row], channels: int, features: int) -> Architecture:
    return Architecture(
        name=name,
        stem=Stem(16, activation="hard_swish"),
        stages=tuple(
            Stage(InvertedResidual(out, stride, expansion, kernel, activation, squeeze_excite), repeats)
            for expansion, out, repeats, stride, kernel, squeeze_excite, activation in table
        ),
        head=Head(channels, features, dropout=0.2, activation="hard_swish", grows_only=True),
        epsilon=1e-3,
        papers=("Howard et al. 2019, Searching for MobileNetV3, arXiv:1905.02244",),
    )


def _minimal(model: Architecture) -> Architecture:
    def plain(stage: Stage) -> Stage:
        return replace(stage, block=replace(stage.block, kernel=3, activation="relu", squeeze_excite=None))  # type: ignore[type-var]

    return replace(
        model,
        name=f"{model.name}_minimal",
        stem=replace(model.stem, activation="relu"),
        stages=tuple(plain(stage) for stage in model.stages),
        head=replace(model.head, activation="relu"),
    )


_FULL = (
    _architecture("mobilenet_v3_large", _LARGE, channels=960, features=1280),
    _architecture("mobilenet_v3_small", _SMALL, channels=576, features=1024),
)

MODELS = {model.name: model for full in _FULL for model in (full, _minimal(full))}
