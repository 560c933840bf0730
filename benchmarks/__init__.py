"""Benchmarks: the compiled networks beside every other runtime that is installed.

python -m benchmarks.host        measures this machine, prints ratios and writes a CSV
python -m benchmarks.channels    what channel counts cost that miss the vectors
python -m benchmarks.figure      draws the README's figure from such a CSV
"""
