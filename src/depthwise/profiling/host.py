"""This machine measured as a device (clock, peak, caches, bandwidth, cycles per MAC), in a file in the user's cache."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date

from depthwise.compiler import find_compiler
from depthwise.device import HOST, PRECISIONS, Device, Precision, Rate, load_device
from depthwise.files import write_text
from depthwise.machine import host_file, machine
from depthwise.profiling import rates
from depthwise.profiling.device_file import device_text
from depthwise.profiling.probe import probe
from depthwise.progress import Progress, Silent


def measured_host(progress: Progress | None = None) -> Device:
    """This machine as a device, measured if it has not been; see `measure_host`."""
    device = load_device(HOST)
    return device if set(device.cycles) == set(PRECISIONS) else measure_host(progress)


def measure_host(progress: Progress | None = None) -> Device:
    """Measures this machine, one thread, in some 25 seconds, and keeps what it finds for `load_device`.

    Args:
        progress: told where the work stands.

    Raises:
        UserError: there is no C compiler, or it fails.
        OSError: the cache cannot be written.
    """
    progress = progress or Silent()
    compiler = find_compiler()
    progress.stage("measuring")
    progress.note("this machine is measured, once; it takes some 25 seconds")
    networks = list(rates.networks())
    forms = [(precision, layers) for precision in PRECISIONS for layers in networks]
    steps = len(forms) + 2
    progress.step(0, steps, "clock, peak, caches")
    probed = probe()
    calls = []
    with ThreadPoolExecutor(2) as pool:  # the C compiler takes most of the time, and each runs one
        for i, call in enumerate(pool.map(lambda form: rates.prepared(form[1], form[0]), forms)):
            progress.step(i + 1, steps, f"network {i + 1} of {len(forms)}")
            calls.append(call)
    progress.step(steps - 1, steps, "timing")
    times = rates.best_seconds(calls)
    progress.step(steps, steps)

    def timed(precision: Precision) -> list[rates.Timed]:
        return [rates.Timed(form[1], each) for form, each in zip(forms, times, strict=True) if form[0] == precision]

    floats = rates.fit(timed("float32"), probed.peak["float32"])
    # A layer's own share, as of a call and its border, depends little on precision.
    bytes_ = rates.fit(timed("int8"), probed.peak["int8"], floats.layer)
    fitted: dict[Precision, rates.Rates] = {"float32": floats, "int8": bytes_}

    source = (
        f"least squares over the times of {len(networks)} small networks in each precision, one thread, the best of "
        f"{rates.ROUNDS} rounds or more"
    )
    today = date.today().isoformat()  # of the user's calendar
    device = replace(
        load_device(HOST, measured=False),
        description=f"the machine that depthwise runs on: {machine()}",
        clock_mhz=_rounded(probed.clock / 1e6),
        cycles={
            precision: {name: Rate(_rounded(s * probed.clock), source) for name, s in found.macs.items()}
            for precision, found in fitted.items()
        },
        cycles_per_layer=Rate(_rounded(floats.layer * probed.clock), source) if floats.layer else None,
        peak_macs={precision: _rounded(peak) for precision, peak in probed.peak.items()},
        caches=probed.caches,
        bandwidth={name: _rounded(value) for name, value in probed.bandwidth.items()},
        source=f"measured {today} with {compiler.version}, one thread, the best of several rounds; "
        f"{load_device(HOST, measured=False).source}",
    )
    write_text(host_file(), device_text(device))
    return device


def _rounded(value: float) -> float:
    """Four digits: no measurement here has more."""
    return float(f"{value:.4g}")
