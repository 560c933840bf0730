"""Checkpoints: weights of other libraries for our networks, and ours for theirs."""

from depthwise.design.checkpoints.identity import CHECKPOINTS, identify, with_network
from depthwise.design.checkpoints.loading import Loaded, load, to_library

__all__ = ["CHECKPOINTS", "Loaded", "identify", "load", "to_library", "with_network"]
