"""What channel counts cost that miss the vectors: python -m benchmarks.channels [--precision int8]

Four separable blocks at 28 x 28 px with the same number of channels throughout, for counts around 64, one thread,
rounds interleaved, the best one counts. `time` is that of one image, `a MAC` the time for a multiplication beside that
of 64 channels: what is above 1 was spent on lanes without a channel. The page of lint rule DW003 quotes it.
"""

import argparse

from depthwise.compiler import find_compiler
from depthwise.device import PRECISIONS, Precision
from depthwise.graph import Layer, LayerList
from depthwise.machine import machine
from depthwise.profiling.rates import best_seconds, prepared

COUNTS = (56, 60, 62, 64, 65, 68, 72, 80)
BESIDE = 64


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--precision", choices=PRECISIONS, default="float32")
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    precision: Precision = options.precision
    networks = {channels: blocks(channels) for channels in COUNTS}
    calls = [prepared(layers, precision) for layers in networks.values()]
    times = dict(zip(COUNTS, best_seconds(calls, seconds=options.seconds), strict=True))
    macs = {channels: sum(layer.macs for layer in layers) for channels, layers in networks.items()}
    print(f"{machine()}; {find_compiler().version}; {precision}, one thread")
    print("channels    MACs      time  a MAC")
    for channels in COUNTS:
        beside = times[channels] / macs[channels] / (times[BESIDE] / macs[BESIDE])
        print(f"{channels:8}  {macs[channels] / 1e6:4.1f} M  {1e6 * times[channels]:5.0f} us  {beside:5.2f}")


def blocks(channels: int) -> tuple[Layer, ...]:
    """Four separable blocks of `channels` channels at 28 x 28 px."""
    layers = LayerList(channels, 28)
    x = "input"
    for i in range(4):
        x = layers.norm(f"{i}.depthwise_norm", layers.depthwise(f"{i}.depthwise", x, 3))
        x = layers.activation(f"{i}.depthwise_activation", x, "relu6")
        x = layers.norm(f"{i}.pointwise_norm", layers.conv(f"{i}.pointwise", x, channels))
        x = layers.activation(f"{i}.pointwise_activation", x, "relu6")
    layers.flatten("flatten", layers.pool("pool", x))
    return tuple(layers.layers)


if __name__ == "__main__":
    main()
