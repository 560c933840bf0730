"""Names that people know from other libraries: "mobilenetv2_050" is "mobilenet_v2" at half its width.

Separators, capitals, a leading "tf_" and a tag behind a dot ("mobilenetv2_100.ra_in1k") do not count. A width stands
behind the name, in hundredths ("mobilenetv3_large_075") or as a decimal number ("mnasnet0_5").
"""

import re
from collections.abc import Iterable, Mapping

from depthwise.design.architecture import Architecture

_WIDTHS = ((re.compile(r"(.+)_(\d{3})"), 0.01), (re.compile(r"(.*[a-z])(\d_\d{1,2})"), 1.0))
"""Forms of a name with its width, and what the width is counted in."""


def resolve(name: str, models: Mapping[str, Architecture]) -> tuple[str, float]:
    """The registered name and the width that a known name stands for; an unknown one comes back as it is, at width 1.

    Args:
        name: as a user writes it.
        models: registered name -> Architecture, whose `aliases` are known names too.
    """
    if name in models:
        return name, 1.0
    known = {_letters(alias): model for model in models for alias in (model, *models[model].aliases)}
    plain = name.partition(".")[0]
    for stem, width in ((plain, 1.0), *_with_width(plain)):
        if (letters := _letters(stem)) in known:
            return known[letters], width
    return name, 1.0


def _with_width(name: str) -> Iterable[tuple[str, float]]:
    for form, unit in _WIDTHS:
        if found := form.fullmatch(name.lower()):
            yield found[1], round(float(found[2].replace("_", ".")) * unit, 2)


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower().removeprefix("tf_"))
