"""A `Profile` as lines of text: tables of layers and operators, then what they were held against."""

from collections.abc import Sequence

from depthwise.profiling.comparison import OURS, Row, groups, lead
from depthwise.profiling.records import FusionProfile, Profile, Share, StandardProfile
from depthwise.profiling.table import INPUTS, aligned, count
from depthwise.units import format_bytes, format_count, format_time

LEGEND = (
    "bound: what the roofline of one thread names, arithmetic or the level that bytes come from; "
    "of roof: how much of the best possible was reached (docs/profile.md says when that is above 100 %)"
)


def profile_lines(profile: Profile) -> list[str]:
    """Everything that a Profile holds."""
    lines = [*_head(profile), "", *_layers(profile), "", *_operators(profile), LEGEND]
    if profile.unfused:
        lines += ["", *_unfused(profile.unfused)]
    if profile.standard:
        lines += ["", *_standard(profile.standard)]
    if profile.against:
        lines += _against(profile.against)
    return lines


def _head(profile: Profile) -> list[str]:
    shape = "x".join(map(str, profile.input_shape))
    kind = {"uint8": "camera bytes", "int8": "8-bit values"}.get(profile.input, "floats")
    reached = 100 * profile.floor_seconds / profile.seconds
    return [
        f"{profile.network}, {shape} {kind}, {profile.precision}, one thread, "
        f"schedule {profile.schedule} for {profile.optimize}",
        f"{profile.machine}; {profile.compiler}; {profile.clock_mhz:,.0f} MHz, {profile.peak_macs / 1e9:.3g} GMAC/s",
        f"one image {format_time(profile.seconds)}: {format_count(profile.macs)} MACs take "
        f"{format_time(profile.floor_seconds)} at the peak, {reached:.0f} % of it is reached",
        *([f"in float between bytes: {', '.join(profile.floats)}"] if profile.floats else []),
    ]


def _figures(share: Share, whole: float) -> tuple[str, ...]:
    macs = share.macs > 0
    return (
        f"{1e6 * share.seconds:.1f}",
        f"{100 * share.seconds / whole:.1f} %",
        format_count(share.macs) if macs else "",
        f"{share.macs_per_cycle:.1f}" if macs else "",
        format_bytes(share.bytes),
        f"{share.intensity:.1f}" if macs else "",
    )


FIGURES = ("us", "time", "MACs", "MAC/cycle", "bytes", "MAC/byte")


def _layers(profile: Profile) -> list[str]:
    rows: list[Sequence[str]] = [("layer", "operator", "output", *FIGURES, "bound", "of roof")]
    for layer in profile.layers:
        shape = "x".join(map(str, layer.shape))
        figures = _figures(layer, profile.seconds)
        rows.append((layer.name, layer.op, shape, *figures, layer.bound, f"{100 * layer.reached:.0f} %"))
    return aligned(rows, 3)


def _operators(profile: Profile) -> list[str]:
    rows: list[Sequence[str]] = [("operator", "layers", *FIGURES, "bound", "of roof")]
    for row in profile.operators:
        bounds = ", ".join(f"{number} {bound}" for bound, number in row.bounds.items())
        figures = _figures(row, profile.seconds)
        rows.append((row.op, str(row.layers), *figures, bounds, f"{100 * row.reached:.0f} %"))
    return aligned(rows)


def _unfused(forms: Sequence[FusionProfile]) -> list[str]:
    rows = [("form of the network", "kernel calls", "us", "to fused")]
    rows += [(one.form, str(one.calls), f"{1e6 * one.seconds:.1f}", f"{one.ratio:.2f}") for one in forms]
    return aligned(rows)


def _standard(layers: Sequence[StandardProfile]) -> list[str]:
    rows = [("separable layer", "input", "k", "stride", "N", "us", "standard us", "MACs", "time", "why")]
    for one in layers:
        more = f" and {len(one.names) - 1} like it" if len(one.names) > 1 else ""
        kernel = "x".join(map(str, one.kernel))
        times = f"{1e6 * one.seconds:.1f}", f"{1e6 * one.standard_seconds:.1f}"
        ratios = f"{one.mac_ratio:.3f}", f"{one.time_ratio:.3f}"
        shape = "x".join(map(str, one.shape))
        rows.append((one.names[0] + more, shape, kernel, str(one.stride), str(one.outputs), *times, *ratios, one.why))
    text = "MACs and time: separable / standard; the MACs' is 1/N + 1/(k k)"
    return [*aligned(rows, 2, last=True), text]


def _against(rows: Sequence[Row]) -> list[str]:
    lines = []
    for (_, _, threads, input_type), group in groups(rows).items():
        lines += ["", f"{INPUTS[input_type]}, {count(threads)}, floor {group[0].floor_ms:.3f} ms"]
        ours = next((row.median_ms for row in group if row.runtime == OURS), None)
        cells = [("runtime", "version", "median ms", "minimum ms", "to ours", "of floor", "load ms")]
        for row in group:
            ratio = "" if ours is None else f"{row.median_ms / ours:.2f}"
            times = f"{row.median_ms:.3f}", f"{row.minimum_ms:.3f}"
            cells.append((row.runtime, row.version, *times, ratio, f"{100 * row.share:.0f} %", f"{row.load_ms:.1f}"))
        lines += aligned(cells, 2)
        if (ratio_to_ours := lead(group)) is not None:
            lines.append(f"the fastest other runtime takes {ratio_to_ours:.2f} times our time")
    return lines
