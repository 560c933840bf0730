"""Words and numbers for people: each figure with its unit, each name as the field writes it."""

import re
from datetime import datetime

from depthwise.config import Config
from depthwise.device import RESOURCES, Precision
from depthwise.results import Candidate, Certainty, Interval, Latency, Memory, Results
from depthwise.units import format_bytes, format_count

SPACE = "\N{NO-BREAK SPACE}"
TIMES = "\N{MULTIPLICATION SIGN}"
DASH = "\N{EN DASH}"

_RUNTIMES = {"torch": "PyTorch", "onnxruntime": "ONNX Runtime", "compiled": "Compiled C", "oracle": "Integer oracle"}
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


def resolution(sides: int | tuple[int, int]) -> str:
    """A size in pixels, a pair where height and width may differ: "28 x 28"."""
    height, width = sides if isinstance(sides, tuple) else (sides, sides)
    return f"{height}{TIMES}{width}"


def epochs(number: float) -> str:
    """Passes over the training images, not broken across lines: "0.4 epochs", "1 epoch"."""
    return f"{number:.3g}{SPACE}epoch{'' if number == 1 else 's'}"


def family_name(model: str) -> str:
    """An architecture as the field writes it: mobilenet_v2 gives "MobileNetV2"."""
    words = (word[:1].upper() + word[1:] for word in model.split("_"))
    return "".join(re.sub(r"(?<=.)net$", "Net", word) for word in words)


def network_name(model: str, width: float, depth: float = 1.0) -> str:
    """An architecture with its width, and its depth if that is not 1: "MobileNetV2 0.35"."""
    return f"{family_name(model)} {width}" + (f", depth {depth}" if depth != 1 else "")


def candidate_name(candidate: Candidate) -> str:
    """A candidate with all that tells it from others: "MobileNetV2 0.35, 28 x 28"."""
    name = network_name(candidate.model, candidate.width, candidate.depth)
    return f"{name}, {resolution(candidate.resolution)}"


def chosen(results: Results) -> Candidate | None:
    """The network that the search chose, None without a search."""
    return results.search.chosen if results.search else None


def model_name(config: Config, results: Results) -> str:
    """The network of a run, named by the user or found by the search; "Network" while neither is known."""
    kind = ", deployable" if config.deployable else ""
    if (candidate := chosen(results)) is not None:
        return network_name(candidate.model, candidate.width, candidate.depth) + kind
    return network_name(config.model, config.width, config.depth) + kind if config.model else "Network"


def taken(resource: str, value: float) -> str:
    """An amount of a resource with its unit, not broken across lines: "37.2 KiB" of "ram", "1.2 ms" of "latency"."""
    if resource == "latency":  # in ms everywhere on the page
        return milliseconds(1e3 * value)
    return RESOURCES[resource].write(value).replace(" ", SPACE)


def about(certainty: Certainty) -> str:
    """The sign before a figure that is neither exact nor measured."""
    return "" if certainty in ("exact", "measured") else "~"


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


def image_sides(config: Config, results: Results) -> tuple[int, int] | None:
    """Height and width of the input in pixels, if known."""
    if results.cost is not None and len(results.cost.input_shape) == 3:
        return results.cost.input_shape[1], results.cost.input_shape[2]
    candidate = chosen(results)
    side = candidate.resolution if candidate else config.resolution
    return None if side is None else (side, side)


def sentence(config: Config, results: Results) -> str:
    """The result in one sentence of plain language, with what is known so far."""
    sides = image_sides(config, results)
    data = results.data.name if results.data else config.data
    what = f"{resolution(sides)} {data} images" if sides else f"{data} images"
    accuracy, latency, memory = shipped_accuracy(results), shipped_latency(results), shipped_memory(results)
    if accuracy is None:
        return f"{model_name(config, results)} for {what}: {_progress(config, results)}."
    words = f"{model_name(config, results)} reads {what} at {percent(accuracy.value)} accuracy ({interval(accuracy)})"
    if latency is not None:
        words += f" in {milliseconds(latency.median_ms)}"
    if memory is not None:
        words += f", with {size(memory.flash)} of flash and {size(memory.ram)} of RAM"
    return words + "."


def _progress(config: Config, results: Results) -> str:
    training = results.training
    if training is not None:
        best = max((row.validation_accuracy for row in training.history), default=None)
        reached = f", best validation accuracy {percent(best)}" if best is not None else ""
        return f"trained{reached}; the compiled network has not been tested yet"
    if results.cost is not None or results.search is not None:
        return "the network is designed, not trained yet"
    return "nothing is done yet" if config.model else "the search for it is not done yet"
