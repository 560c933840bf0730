"""The page: a headline, key figures, and the sections that have something to show, in one HTML file."""

from depthwise.report import budget, text
from depthwise.report.material import Material
from depthwise.report.sections import SECTIONS
from depthwise.report.templating import environment


def render_page(material: Material) -> str:
    """The whole page as HTML text. Sections whose stage is not done are named at the top instead."""
    config, results = material.config, material.results
    made = {name: (title, build(material)) for name, (title, build) in SECTIONS.items()}
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            title=f"{text.model_name(config, results)} on {results.data.name if results.data else config.data}",
            sentence=text.sentence(config, results),
            cards=cards(material),
            sections={name: (title, values) for name, (title, values) in made.items() if values},
            missing=[title for title, values in made.values() if values is None],
            origin=results.origin,
        )
    )


def cards(material: Material) -> list[tuple[str, str, str]]:
    """The key figures that are known: label, value with unit, note. The note tells what a figure takes of its limit."""
    results = material.results
    figures = {figure.name: figure for figure in results.budget}
    spent = {name: budget.note(figure) for name, figure in figures.items()}
    found = []
    if (accuracy := text.shipped_accuracy(results)) is not None:
        note = f"95{text.SPACE}% interval {text.interval(accuracy)}; {accuracy.total:,} test images"
        found.append(("Accuracy", text.percent(accuracy.value), note))
    if (latency := text.shipped_latency(results)) is not None:
        note = f"one image, one thread; minimum {text.milliseconds(latency.minimum_ms)}"
        found.append(("Latency", text.milliseconds(latency.median_ms), spent.get("latency") or note))
    elif "latency" in figures and figures["latency"].value is not None:
        found.append(("Latency", budget.value(figures["latency"]), spent["latency"] or "one image, not measured"))
    if (memory := text.shipped_memory(results)) is not None:
        found.append(("RAM", text.size(memory.ram), spent.get("ram") or "arena, input, output and stack"))
        found.append(("Flash", text.size(memory.flash), spent.get("flash") or "weights and code"))
    if (cost := results.cost) is not None:
        note = "multiply-accumulates for one image"
        found.append(("MACs", text.count(cost.macs), spent.get("macs") or note))
        note = "trainable, as papers count"
        found.append(("Parameters", text.count(cost.parameters), spent.get("parameters") or note))
    return found
