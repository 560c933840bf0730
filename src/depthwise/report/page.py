"""The page: a headline, key figures, and the sections that have something to show, in one HTML file."""

from depthwise.report import text
from depthwise.report.sections import SECTIONS, Material
from depthwise.report.templating import environment


def render_page(material: Material) -> str:
    """The whole page as HTML text. Sections whose stage is not done are named at the top instead."""
    config, results = material.config, material.results
    made = {name: (title, build(material)) for name, (title, build) in SECTIONS.items()}
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            title=f"{text.model_name(config)} on {results.data.name if results.data else config.data}",
            sentence=text.sentence(config, results),
            cards=cards(material),
            sections={name: (title, values) for name, (title, values) in made.items() if values is not None},
            missing=[title for title, values in made.values() if values is None],
            origin=results.origin,
        )
    )


def cards(material: Material) -> list[tuple[str, str, str]]:
    """The key figures that are known: label, value with unit, note."""
    results, device = material.results, material.device
    found = []
    if (accuracy := text.shipped_accuracy(results)) is not None:
        note = f"95{text.SPACE}% interval {text.interval(accuracy)}; {accuracy.total:,} test images"
        found.append(("Accuracy", text.percent(accuracy.value), note))
    if (latency := text.shipped_latency(results)) is not None:
        note = f"one image, one thread; minimum {text.milliseconds(latency.minimum_ms)}"
        found.append(("Latency", text.milliseconds(latency.median_ms), note))
    if (memory := text.shipped_memory(results)) is not None:
        ram, flash = (device.ram, device.flash) if device else (None, None)
        found.append(("RAM", text.size(memory.ram), _of(memory.ram, ram) or "arena, input, output and stack"))
        found.append(("Flash", text.size(memory.flash), _of(memory.flash, flash) or "weights and code"))
    if (cost := results.cost) is not None:
        found.append(("MACs", text.count(cost.macs), "multiply-accumulates for one image"))
        found.append(("Parameters", text.count(cost.parameters), "trainable, as papers count"))
    return found


def _of(used: int, limit: int | None) -> str:
    return f"{text.percent(used / limit, 0)} of the device's {text.size(limit)}" if limit else ""
