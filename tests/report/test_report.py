"""The page and the model card, from whole and from unfinished runs."""

import re
import sys
from pathlib import Path

import pytest
from markupsafe import Markup
from report_pages import Page
from report_runs import GARMENTS, confusion_of, cost_of, in_8_bits, make_run, mobilenet_v2_rows, results_of, row

from depthwise import report
from depthwise.config import Config
from depthwise.counts import Separable
from depthwise.errors import UserError
from depthwise.findings import Lint
from depthwise.report import charts, network, pictures, text
from depthwise.report.sections import SECTIONS, peak_call
from depthwise.results import Buffer, Latency, Memory, Results, Shipping
from depthwise.runs import Run

SECTION_OF = {
    "cost": {"network", "cost"},
    "lint": {"findings"},
    "training": {"training"},
    "accuracy": {"agreement"},
    "verification": {"mistakes"},
    "memory": {"arena"},
    "data": {"data"},
}
OPTIONAL = {"budget", "search", "precision"}
"""Sections that a run in float32 without search and limits has no place for."""
NASTY = [
    '<script>alert("1")</script>',
    "a & b",
    "x|y*z",
    "a very long class name, written as a whole sentence by someone",
]


@pytest.fixture
def no_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves the charts out where a test looks at the words only."""
    monkeypatch.setattr(charts, "draw", lambda chart, label, *size: Markup("<svg></svg>"))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = make_run(tmp_path_factory.mktemp("runs") / "garments")
    assert report.write(run.path) == run.path / "report.html"
    return run


def html_of(run: Run) -> str:
    return (run.path / "report.html").read_text(encoding="utf-8")


def test_findings_stand_by_rule_with_layers_reasons_and_fix(finished: Run) -> None:
    text = Page(html_of(finished)).text
    assert "4 errors, 1 warning of the network that ships" in text
    assert "DW001" in text and "blocks.4.0.projection" in text and "leave it out of a<b" in text and "1 more" in text
    assert text.index("DW001") < text.index("DW004")


def test_no_findings_are_told(tmp_path: Path, no_charts: None) -> None:
    run = make_run(tmp_path / "run", lint=Lint(network="network", precision="int8", device="board"))
    report.write(run.path)
    assert "The linter finds nothing in the network that ships, in int8 on board." in Page(html_of(run)).text


def test_a_finished_run_shows_every_section_in_order(finished: Run) -> None:
    page = Page(html_of(finished))
    assert [name for name in page.ids if name in SECTIONS] == [name for name in SECTIONS if name not in OPTIONAL]
    assert "Not there yet" not in page.text


def test_the_page_is_small_and_asks_for_nothing_outside_itself(finished: Run) -> None:
    html = html_of(finished)
    page = Page(html)
    assert len(html) < 1_000_000
    assert all(reference.startswith(("data:", "#")) for reference in page.references)
    assert not re.search(r"https?://|url\(|@import", html)
    assert "script" not in page.tags
    assert len(page.ids) == len(set(page.ids))


def test_links_of_the_page_lead_to_its_sections(finished: Run) -> None:
    page = Page(html_of(finished))
    links = {reference[1:] for reference in page.references if reference.startswith("#")}
    assert links == set(SECTIONS) - OPTIONAL


def test_the_headline_says_the_result_of_the_compiled_network(finished: Run) -> None:
    results = finished.results
    accuracy, memory = results.accuracy["float32"]["compiled"], results.memory["float32"]
    page = Page(html_of(finished)).text
    sentence = (
        f"MobileNetV2 0.35 reads 28×28 fashion-mnist images at {100 * accuracy.value:.1f} % accuracy "  # noqa: RUF001
        f"({100 * accuracy.low:.1f}–{100 * accuracy.high:.1f}) in 0.213 ms, with {memory.flash / 2**20:.2f} "  # noqa: RUF001
        f"MiB of flash and {memory.ram / 1024:.1f} KiB of RAM."
    )
    assert sentence in page.replace(text.SPACE, " ")


def test_charts_follow_the_page_in_colours(finished: Run) -> None:
    charts = "".join(re.findall(r"<svg.*?</svg>", html_of(finished), re.DOTALL))
    assert set(re.findall(r'(?:fill|stroke)="([^"]*)"', charts)) - {"none", "transparent"} <= {
        f"var(--{name})"
        for name in ("ink", "muted", "line", "paper", "quiet", "soft", "c1", "c2", "c3", "c4", "c5", "c6")
    }


@pytest.mark.parametrize("missing", SECTION_OF)
def test_a_section_is_absent_without_its_results_and_named_at_the_top(
    missing: str, tmp_path: Path, no_charts: None
) -> None:
    run = make_run(tmp_path / "run", **{missing: None})
    report.write(run.path)
    page = Page(html_of(run))
    gone = set(SECTIONS) - set(page.ids) - OPTIONAL
    assert gone == SECTION_OF[missing]
    for name in gone:
        assert SECTIONS[name][0] in page.text.partition("Not there yet:")[2].partition("Run the same command")[0]


def test_a_run_with_nothing_done_renders(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", Config(data="PHOTOS/", model="mobilenet_v1"))
    page = Page(report.write(run.path).read_text(encoding="utf-8"))
    assert "MobileNetV1 1.0 for PHOTOS images: nothing is done yet." in page.text
    assert [name for name in page.ids if name in SECTIONS] == ["reproduce"]
    card = (run.path / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "Memory and time" not in card and "Accuracy" not in card


def test_before_the_compiled_network_is_tested_no_accuracy_is_quoted(tmp_path: Path, no_charts: None) -> None:
    run = make_run(tmp_path / "run", accuracy=None, verification=None, memory=None, latency=None, shipped=None)
    html = report.write(run.path).read_text(encoding="utf-8")
    assert "trained, best validation accuracy" in html and "has not been tested yet" in html
    assert "<dt>Accuracy</dt>" not in html


def test_class_names_are_escaped(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", classes=NASTY)
    page = Page(report.write(run.path).read_text(encoding="utf-8"))
    assert "script" not in page.tags
    assert all(name in page.text for name in NASTY)
    card = (run.path / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert r"\<script\>" in card and r"x\|y\*z" in card and "<script>" not in card


@pytest.mark.parametrize("classes", [2, 13, 31, 120])
def test_the_matrix_copes_with_any_number_of_classes(classes: int, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", classes=[f"species {i}" for i in range(classes)])
    html = report.write(run.path).read_text(encoding="utf-8")
    assert len(html) < 1_000_000
    page = Page(html)
    assert page.text.count(f"species {classes - 1}") >= 1
    assert ("more classes" in page.text) == (classes > 12)


def test_missing_and_damaged_pictures_are_said_to_be_missing(tmp_path: Path, no_charts: None) -> None:
    run = make_run(tmp_path / "run")
    (run.path / "mistakes" / "0.png").unlink()
    (run.path / "mistakes" / "1.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    html = report.write(run.path).read_text(encoding="utf-8")
    assert html.count("picture missing") == 2
    assert html.count("data:image/png;base64,") == len(run.results.verification["float32"].mistakes) - 2


def test_large_pictures_are_shrunk(tmp_path: Path) -> None:
    from PIL import Image

    Image.effect_noise((800, 600), 80).convert("RGB").save(tmp_path / "large.png")
    uri = pictures.data_uri(tmp_path / "large.png")
    assert uri is not None and uri.startswith("data:image/jpeg") and len(uri) < 30_000


def test_a_long_list_of_skipped_files_is_cut(tmp_path: Path, no_charts: None) -> None:
    data = results_of(tmp_path, GARMENTS).data
    assert data is not None
    skipped = [f"train/{i}.jpg: <truncated>" for i in range(150)]
    run = make_run(tmp_path / "run", data=data.model_copy(update={"skipped": skipped}))
    page = Page(report.write(run.path).read_text(encoding="utf-8")).text
    assert "150 unreadable" in page and "train/99.jpg: <truncated>" in page and "train/100.jpg" not in page
    assert "and 50 more in results.json" in page


def test_the_model_card_has_the_figures_of_the_files(finished: Run) -> None:
    card = (finished.path / "MODEL_CARD.md").read_text(encoding="utf-8")
    results = finished.results
    cost, memory = results.cost, results.memory["float32"]
    assert cost is not None
    rows = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", card, re.MULTILINE))
    assert rows["Params (M)"] == f"{cost.parameters / 1e6:.3f}"
    assert rows["GMACs"] == f"{cost.macs / 1e9:.4f}"
    assert rows["Image size"] == "28 x 28"
    assert "arXiv 1801.04381" in rows["Papers"]
    table = card.partition("## Memory and time")[2]
    heads, _, figures = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("|")
    ][:3]
    values = dict(zip(heads, figures, strict=True))
    assert values["Activation RAM (KiB)"] == f"{(memory.arena + memory.input + memory.output) / 1024:.2f}"
    assert values["Runtime RAM (KiB)"] == f"{memory.stack / 1024:.2f}"
    assert values["Weights flash (KiB)"] == f"{memory.weights / 1024:.2f}"
    assert values["Code flash (KiB)"] == f"{memory.code / 1024:.2f}"
    assert values["Total RAM (KiB)"] == f"{memory.ram / 1024:.2f}"
    assert values["Total flash (KiB)"] == f"{memory.flash / 1024:.2f}"
    assert values["depthwise version"] == "0.1.0"
    assert "| 0.213 | 0.204 |" in card
    assert "network_run(pixels, logits, arena)" in card


def test_every_table_of_the_model_card_has_rows_of_one_width(finished: Run) -> None:
    card = (finished.path / "MODEL_CARD.md").read_text(encoding="utf-8")
    tables = [block.splitlines() for block in card.split("\n\n") if block.strip().startswith("|")]
    assert len(tables) == 4
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table if line}) == 1


def test_the_model_card_calls_the_symbols_of_the_emitted_header(tmp_path: Path, no_charts: None) -> None:
    run = make_run(tmp_path / "run")
    (run.path / "c").mkdir()
    (run.path / "c" / "garments.h").touch()
    report.write(run.path)
    card = (run.path / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "garments_run(pixels, logits, arena)" in card and "arena[GARMENTS_ARENA_BYTES]" in card


def test_the_page_tells_what_separable_layers_save(tmp_path: Path, no_charts: None) -> None:
    one = Separable(
        depthwise="b.depthwise",
        pointwise="b.pointwise",
        kernel=[3, 3],
        inputs=32,
        outputs=64,
        macs=2_000,
        standard_macs=16_000,
        weights=0,
        standard_weights=0,
    )
    for separable, told in (([], False), ([one, one], True)):
        cost = cost_of(mobilenet_v2_rows(10)).model_copy(update={"separable": separable})
        run = make_run(tmp_path / str(told), cost=cost)
        report.write(run.path)
        html = (run.path / "report.html").read_text(encoding="utf-8")
        assert ("Its 2 depthwise separable pairs" in html and "<strong>8.0 times</strong>" in html) == told


def test_rows_are_grouped_into_blocks_and_stages() -> None:
    blocks = network.blocks(mobilenet_v2_rows(10))
    assert [block.name for block in blocks][:4] == ["stem.conv", "blocks.0.0", "blocks.1.0", "blocks.1.1"]
    assert [block.name for block in blocks][-3:] == ["head.conv", "head.pool", "head.classifier"]
    stages = network.stages(blocks)
    assert [stage.repeats for stage in stages] == [1, 1, 2, 3, 4, 3, 3, 1, 1, 1, 1]
    assert sum(stage.macs for stage in stages) == sum(r.macs for r in mobilenet_v2_rows(10))


def test_a_gate_belongs_to_its_block() -> None:
    names = ("depthwise", "squeeze_excite.squeeze", "squeeze_excite.scale", "projection")
    ops = ("Depthwise", "GlobalAveragePool", "Multiply", "Pointwise")
    rows = [row(f"blocks.0.0.{name}", op, (8, 7, 7), 9, 9) for name, op in zip(names, ops, strict=True)]
    blocks = network.blocks([*rows, row("head.conv", "Pointwise", (8, 7, 7), 9, 9)])
    assert [(block.name, len(block.rows)) for block in blocks] == [("blocks.0.0", 4), ("head.conv", 1)]


def test_the_peak_is_the_call_with_most_bytes_alive() -> None:
    buffers = [
        Buffer(name="a", offset=0, bytes=10, first=0, last=1),
        Buffer(name="b", offset=10, bytes=30, first=1, last=2),
        Buffer(name="c", offset=40, bytes=15, first=2, last=3),
    ]
    memory = Memory(
        arena=55, input=0, output=0, stack=0, weights=0, code=0, calls=["f", "g", "h", "i"], buffers=buffers
    )
    assert peak_call(memory) == 2


def test_a_device_file_that_is_gone_does_not_stop_the_page(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", Config(data="PHOTOS/", model="mobilenet_v1", device="gone.toml"))
    assert report.write(run.path).is_file()


def test_the_compiled_latency_is_found_under_either_name() -> None:
    for name in ("compiled", "depthwise"):
        rows = [Latency(runtime=name, version="1", median_ms=1, minimum_ms=1)]
        assert text.shipped_latency(Results(latency={"float32": rows})) == rows[0]


def test_figures_have_units() -> None:
    plain = {text.milliseconds(0.2134): "0.213 ms", text.milliseconds(1234.5): "1234 ms"}
    plain |= {text.duration(4.26): "4.3 s", text.duration(185): "3 min 05 s", text.duration(7800): "2 h 10 min"}
    plain |= {text.date("2025-03-14T10:21:07+00:00"): "2025-03-14 10:21 UTC", text.date("spring"): "spring"}
    assert {shown.replace(text.SPACE, " "): wanted for shown, wanted in plain.items()} == {
        wanted: wanted for wanted in plain.values()
    }


def test_a_folder_that_is_no_run_is_an_error_of_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a run folder"):
        report.write(tmp_path)


def test_without_altair_the_error_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(tmp_path / "run")
    monkeypatch.setitem(sys.modules, "altair", None)
    for name in ("drawing", "charts", "search_charts", "search", "sections", "page", "card"):
        monkeypatch.delitem(sys.modules, f"depthwise.report.{name}", raising=False)
        monkeypatch.delattr(report, name, raising=False)
    with pytest.raises(UserError, match=r"altair.*depthwise\[train\]"):
        report.write(run.path)
    assert not (run.path / "report.html").exists()


def test_confusion_counts_survive_a_class_without_images(tmp_path: Path) -> None:
    import numpy as np

    results = results_of(tmp_path, GARMENTS)
    matrix = confusion_of(10, 100, np.random.default_rng(1))
    matrix[3] = [0] * 10
    verification = results.verification["float32"].model_copy(update={"confusion": matrix})
    run = make_run(tmp_path / "run", verification={"float32": verification})
    assert "no images" in report.write(run.path).read_text(encoding="utf-8")


def test_8_bits_stand_beside_float32(tmp_path: Path, no_charts: None) -> None:
    run = make_run(tmp_path / "run")
    run.record(in_8_bits(run.results))
    report.write(run.path)
    words = Page(html_of(run)).text
    assert "int8 ships: int8 costs 0.4 points" in words
    assert "equalization (not kept)" in words
    assert "2 layers with 3.1 % of the multiply-accumulates stay in float" in words
    assert "stem.conv 21.0 dB, blocks.0.0.depthwise 21.5 dB" in words
    assert "Both networks give the same answer on" in words
    assert "3.0\N{MULTIPLICATION SIGN}" in words  # of the weights
    assert "ONNX Runtime is 0.4 points off." in words
    card = (run.path / "MODEL_CARD.md").read_text()
    assert "| int8, compiled |" in card
    assert "In float stay stem.conv, head.classifier." in card


def test_why_there_are_no_8_bits_is_said(tmp_path: Path, no_charts: None) -> None:
    reason = "int8 cannot be had: 9 calibration images are too few"
    run = make_run(tmp_path / "run", shipping=Shipping(reason=reason))
    report.write(run.path)
    assert f"float32 ships: {reason}." in Page(html_of(run)).text
