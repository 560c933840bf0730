"""Data: image folders, parquet, the Hugging Face hub and an embedded set, split and decoded. No torch in this room.

`load` gives ImageData for training; `decode` gives one file the same treatment; `known` lists the named sets.
"""

from depthwise.data.decoding import decode
from depthwise.data.images import ImageData, Split
from depthwise.data.loading import known, load
from depthwise.data.preprocessing import Preprocessing

__all__ = ["ImageData", "Preprocessing", "Split", "decode", "known", "load"]
