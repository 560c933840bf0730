"""Words and numbers for people: each figure with its unit, each name as the field writes it."""

import re
from datetime import datetime

from depthwise.config import Config
from depthwise.device import Precision, format_bytes, format_count
from depthwise.results import Interval, Latency, Memory, Results

SPACE = "\N{NO-BREAK SPACE}"
TIMES = "\N{MULTIPLICATION SIGN}"
DASH = "\N{EN DASH}"

_RUNTIMES = {"torch": "PyTorch", "onnxruntime": "ONNX Runtime", "compiled": "Compiled C"}
_COMPILED = ("compiled", "depthwise")


def size(count: int) -> str:
    """Bytes with their unit, not broken across lines: "37.2 KiB"."""
    return format_bytes(count).replace(" ", SPACE)


def count(number: int) -> str:
    """A count with its factor, not broken across lines: "3.50 M"."""
    return format_count(number).replace(" ", SPACE)


def percent(share: float, digits: int = 1) -> str:
    """A share of one as percent: "88.9 %"."""
    return f"{100 * share:.{digits}f}{SPACE}%"


def milliseconds(value: float) -> str:
    """A time in ms with three significant digits."""
    return f"{value:.0f}{SPACE}ms" if value >= 100 else f"{value:.3g}{SPACE}ms"


def duration(seconds: float) -> str:
    """A time for people: "0.4 s", "12 s", "3 min 05 s", "2 h 10 min"."""
    if seconds < 10:
        return f"{seconds:.1f}{SPACE}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}{SPACE}s"
    if whole < 3600:
        return f"{whole // 60}{SPACE}min {whole % 60:02d}{SPACE}s"
    return f"{whole // 3600}{SPACE}h {whole % 3600 // 60:02d}{SPACE}min"


def date(iso: str) -> str:
    """An ISO 8601 time to the minute: "2025-03-14 10:21 UTC"; other text as it is."""
    try:
        when = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    return f"{when:%Y-%m-%d %H:%M} {when.tzname() or ''}".rstrip()


def interval(value: Interval) -> str:
    """The bounds of an interval in percent, without the sign: "87.5-90.2"."""
    return f"{100 * value.low:.1f}{DASH}{100 * value.high:.1f}"


def resolution(side: int) -> str:
    """A square size in pixels: "28 x 28"."""
    return f"{side}{TIMES}{side}"


def model_name(config: Config) -> str:
    """The architecture as the field writes it: mobilenet_v2 and 0.35 give "MobileNetV2 0.35"."""
    words = (word[:1].upper() + word[1:] for word in (config.model or "network").split("_"))
    return "".join(re.sub(r"(?<=.)net$", "Net", word) for word in words) + f" {config.width}"


def runtime_name(name: str) -> str:
    """The display name of a runtime of results.json."""
    return _RUNTIMES["compiled"] if name in _COMPILED else _RUNTIMES.get(name, name)


def shipped_precision(results: Results) -> Precision | None:
    """The precision of the artefact that is shipped; before that is decided, the first one there is."""
    if results.shipped is not None:
        return results.shipped
    for section in (results.accuracy, results.memory, results.latency):
        for precision in section:
            return precision
    return None


def shipped_accuracy(results: Results) -> Interval | None:
    """Test accuracy of the compiled network of the shipped precision: the only one that may be quoted."""
    precision = shipped_precision(results)
    return results.accuracy.get(precision, {}).get("compiled") if precision else None


def shipped_latency(results: Results) -> Latency | None:
    """Latency of the compiled network of the shipped precision."""
    precision = shipped_precision(results)
    rows = results.latency.get(precision, []) if precision else []
    return next((row for row in rows if row.runtime in _COMPILED), None)


def shipped_memory(results: Results) -> Memory | None:
    """Memory of the compiled network of the shipped precision."""
    precision = shipped_precision(results)
    return results.memory.get(precision) if precision else None


def image_side(config: Config, results: Results) -> int | None:
    """Height and width of the input in pixels, if known."""
    if results.cost is not None and len(results.cost.input_shape) == 3:
        return results.cost.input_shape[1]
    return config.resolution


def sentence(config: Config, results: Results) -> str:
    """The result in one sentence of plain language, with what is known so far."""
    side = image_side(config, results)
    data = results.data.name if results.data else config.data
    what = f"{resolution(side)} {data} images" if side else f"{data} images"
    accuracy, latency, memory = shipped_accuracy(results), shipped_latency(results), shipped_memory(results)
    if accuracy is None:
        return f"{model_name(config)} for {what}: {_progress(results)}."
    words = f"{model_name(config)} reads {what} at {percent(accuracy.value)} accuracy ({interval(accuracy)})"
    if latency is not None:
        words += f" in {milliseconds(latency.median_ms)}"
    if memory is not None:
        words += f", with {size(memory.flash)} of flash and {size(memory.ram)} of RAM"
    return words + "."


def _progress(results: Results) -> str:
    training = results.training
    if training is not None:
        best = max((row.validation_accuracy for row in training.history), default=None)
        reached = f", best validation accuracy {percent(best)}" if best is not None else ""
        return f"trained{reached}; the compiled network has not been tested yet"
    return "the network is designed, not trained yet" if results.cost else "nothing is done yet"
