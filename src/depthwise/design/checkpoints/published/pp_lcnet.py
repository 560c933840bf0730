"""PP-LCNet: timm's weights at three widths."""

from dataclasses import replace

from depthwise.design.checkpoints.base import Checkpoint
from depthwise.design.checkpoints.names import TIMM

_FIVES = {"blocks.4.0.": "blocks.3.1."}
_FIVES |= {f"blocks.4.{repeat + 1}.": f"blocks.4.{repeat}." for repeat in range(4)}

_NAMING = replace(TIMM, parts={**TIMM.parts, **_FIVES, "blocks.5.0.": "blocks.5.0.", "blocks.5.1.": "blocks.5.1."})
"""timm puts the first of the five blocks with 5 x 5 filters into the stage before, and so counts one stage more."""

# width -> accuracy
_WIDTHS = {0.5: 63.12, 0.75: 68.782, 1.0: 72.096}

CHECKPOINTS = {
    f"lcnet_{100 * width:03.0f}.ra2_in1k": Checkpoint(
        "pp_lcnet",
        _NAMING,
        f"hf:timm/lcnet_{100 * width:03.0f}.ra2_in1k",
        top1=top1,
        recipe=f"https://huggingface.co/timm/lcnet_{100 * width:03.0f}.ra2_in1k",
        width=width,
    )
    for width, top1 in _WIDTHS.items()
}
