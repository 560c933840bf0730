"""This machine measured as a device (clock, peak, caches, bandwidth, cycles per MAC), in a file in the user's cache."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date

from depthwise.compiler import find_compiler
from depthwise.device import HOST, Device, Rate, load_device
from depthwise.files import write_text
from depthwise.machine import host_file, machine
from depthwise.profiling import rates
from depthwise.profiling.device_file import device_text
from depthwise.profiling.probe import probe
from depthwise.progress import Progress, Silent


def measured_host(progress: Progress | None = None) -> Device:
    """This machine as a device, measured if it has not been; see `measure_host`."""
    device = load_device(HOST)
    return device if device.cycles else measure_host(progress)


def measure_host(progress: Progress | None = None) -> Device:
    """Measures this machine, one thread, in some 15 seconds, and keeps what it finds for `load_device`.

    Args:
        progress: told where the work stands.

    Raises:
        UserError: there is no C compiler, or it fails.
        OSError: the cache cannot be written.
    """
    progress = progress or Silent()
    compiler = find_compiler()
    progress.stage("measuring")
    progress.note("this machine is measured, once; it takes some 15 seconds")
    networks = list(rates.networks())
    steps = len(networks) + 2
    progress.step(0, steps, "clock, peak, caches")
    probed = probe()
    calls = []
    with ThreadPoolExecutor(2) as pool:  # the C compiler takes most of the time, and each runs one
        for i, call in enumerate(pool.map(rates.prepared, networks)):
            progress.step(i + 1, steps, f"network {i + 1} of {len(networks)}")
            calls.append(call)
    progress.step(steps - 1, steps, "timing")
    times = rates.best_seconds(calls)
    fitted = rates.fit([rates.Timed(*pair) for pair in zip(networks, times, strict=True)], probed.peak["float32"])
    progress.step(steps, steps)

    source = (
        f"least squares over the times of {len(networks)} small networks here, one thread, the best of "
        f"{rates.ROUNDS} rounds or more"
    )
    today = date.today().isoformat()  # of the user's calendar
    device = replace(
        load_device(HOST, measured=False),
        description=f"the machine that depthwise runs on: {machine()}",
        clock_mhz=_rounded(probed.clock / 1e6),
        cycles={"float32": {name: Rate(_rounded(s * probed.clock), source) for name, s in fitted.macs.items()}},
        cycles_per_layer=Rate(_rounded(fitted.layer * probed.clock), source) if fitted.layer else None,
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
