"""Analysis: what a network costs, and whether it fits."""

from depthwise.analysis.check import Known, check, known_of_run
from depthwise.analysis.cost import cost, cost_of
from depthwise.analysis.excess import excess_lines
from depthwise.analysis.latency import predict_latency
from depthwise.analysis.suggest import keeps, weigh
from depthwise.analysis.verdict import Change, Check

__all__ = [
    "Change",
    "Check",
    "Known",
    "check",
    "cost",
    "cost_of",
    "excess_lines",
    "keeps",
    "known_of_run",
    "predict_latency",
    "weigh",
]
