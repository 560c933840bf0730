"""How much of a long table a test goes through: enough for every change, or all of it with DEPTHWISE_THOROUGH=1."""

import os
from typing import TypeVar

T = TypeVar("T")

THOROUGH = os.environ.get("DEPTHWISE_THOROUGH", "0") != "0"


def enough(usually: T, thorough: T) -> T:
    """The second where the suite is to be thorough."""
    return thorough if THOROUGH else usually
