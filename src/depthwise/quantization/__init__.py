"""From float networks to networks of 8 bits: ranges, the repair ladder, and the rounding itself.

`task.quantize` is the whole way; `state.py` says what a rung is, `rungs.py` lists those that need no torch;
`graph/quantizing.py` makes the network. The integers that it then computes with are those of docs/int8.md.
"""
