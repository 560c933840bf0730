"""The constants of a Program as text: a C array."""

import numpy as np


def rows(data: np.ndarray, width: int = 8) -> str:
    """The numbers as float literals that a compiler reads back exactly (9 significant digits), `width` to a line."""
    count = data.size
    whole, rest = divmod(count, width)
    line = ", ".join(["%.8ef"] * width) + ",\n"
    tail = ", ".join(["%.8ef"] * rest)
    return (line * whole + tail) % tuple(data.tolist())
