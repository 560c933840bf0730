"""Analysis: what a network costs, and whether it fits."""

from depthwise.analysis.check import Known, check, known_of_run, limits_of
from depthwise.analysis.cost import cost, cost_of
from depthwise.analysis.latency import predict_latency
from depthwise.analysis.verdict import Change, Check, Figure, Part

__all__ = [
    "Change",
    "Check",
    "Figure",
    "Known",
    "Part",
    "check",
    "cost",
    "cost_of",
    "known_of_run",
    "limits_of",
    "predict_latency",
]
