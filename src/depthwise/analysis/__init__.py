"""Analysis: what a network costs."""

from depthwise.analysis.cost import cost

__all__ = ["cost"]
