"""The rewriting of a float network to 8 bits stands in `graph/quantizing.py`."""

from depthwise.graph.quantizing import MOVERS, WeightScales, quantize_graph, separate_functions

__all__ = ["MOVERS", "WeightScales", "quantize_graph", "separate_functions"]
