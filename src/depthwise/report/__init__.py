"""Report: from the files of a run folder to one page that opens offline, and a model card."""

from pathlib import Path

from depthwise.device import Device, load_device
from depthwise.errors import UserError, missing_extra
from depthwise.files import write_text
from depthwise.runs import Run


def write(run_path: Path) -> Path:
    """Writes `report.html` and `MODEL_CARD.md` into a run folder, from its config.json, results.json and pictures.

    Stages that are not done are named on the page; everything else is shown.

    Returns:
        The path of the page.

    Raises:
        UserError: no run folder, a damaged file in it, or Altair and vl-convert are not installed.
    """
    run = Run.open(run_path)
    results = run.results
    try:  # here, because Altair takes half a second to load and is an extra
        from depthwise.report import card, page, text
        from depthwise.report.material import Material
    except ModuleNotFoundError as error:
        raise missing_extra("the report", error.name or "altair", "train") from None
    material = Material(run.path, run.config, results, _device(run.config.device), text.shipped_precision(results))
    write_text(run.path / "MODEL_CARD.md", card.render_card(material))
    write_text(run.path / "report.html", page.render_page(material))
    return run.path / "report.html"


def _device(name: str) -> Device | None:
    """The target; None if its description is gone (a TOML file moved, say), so that its limits are not shown."""
    try:
        return load_device(name)
    except UserError:
        return None
