"""The constants of a Program as text: C arrays."""

from collections.abc import Sequence
from typing import Any

import numpy as np

C_TYPES = {"f4": "float", "i4": "int32_t", "u4": "uint32_t", "i2": "int16_t", "i1": "int8_t", "u1": "uint8_t"}
"""Types of constants by NumPy's kind and size."""


def members(sections: Sequence[np.ndarray]) -> list[dict[str, Any]]:
    """For each array its C type, how many elements it has, and these as rows of text."""
    return [
        {
            "type": C_TYPES[f"{section.dtype.kind}{section.itemsize}"],
            "count": section.size,
            "rows": rows(section) if section.dtype.kind == "f" else rows(section, 24, "%d"),
        }
        for section in sections
    ]


def rows(data: np.ndarray, width: int = 8, form: str = "%.8ef") -> str:
    """The numbers as literals that a compiler reads back exactly (floats: 9 significant digits), `width` to a line."""
    count = data.size
    whole, rest = divmod(count, width)
    line = ", ".join([form] * width) + ",\n"
    tail = ", ".join([form] * rest)
    return (line * whole + tail) % tuple(data.tolist())
