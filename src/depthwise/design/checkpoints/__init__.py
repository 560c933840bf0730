"""Checkpoints: weights of other libraries for our networks, and ours for theirs."""

from depthwise.design.checkpoints.loading import CHECKPOINTS, Loaded, load, to_library

__all__ = ["CHECKPOINTS", "Loaded", "load", "to_library"]
