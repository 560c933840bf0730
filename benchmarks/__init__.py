"""Benchmarks: the compiled networks beside every other runtime that is installed.

python -m benchmarks.host        measures this machine, prints ratios and writes a CSV
python -m benchmarks.figure      draws the README's figure from such a CSV
"""
