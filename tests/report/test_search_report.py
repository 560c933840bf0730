"""The search and the budget on the page and in the model card; the pure functions and the charts behind them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from markupsafe import Markup
from report_pages import Page
from report_runs import GARMENTS, budget_of, candidate_of, make_run, make_searched_run, results_of, search_of

from depthwise import report
from depthwise.config import Config
from depthwise.report import search_charts, text, trials
from depthwise.report.budget import note
from depthwise.report.material import Material
from depthwise.report.page import cards
from depthwise.report.search import search_section
from depthwise.report.sections import SECTIONS
from depthwise.results import Figure, Interval, Results, Search, Trial
from depthwise.runs import Run

NASTY = '<script>alert("1")</script>'


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = make_searched_run(tmp_path_factory.mktemp("runs") / "searched")
    report.write(run.path)
    return run


@pytest.fixture
def specs(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The Vega-Lite specifications of the charts of a search, instead of pictures."""
    drawn: list[dict[str, Any]] = []

    def draw(chart: Any, label: str, *size: int) -> Markup:
        drawn.append(chart.to_dict())
        return Markup("<svg></svg>")

    monkeypatch.setattr(search_charts, "draw", draw)
    return drawn


def layers(spec: dict[str, Any], mark: str) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """The layers of a chart that draw a kind of mark, each with its rows."""
    for layer in spec["layer"]:
        layer = {"data": spec.get("data")} | layer  # layers of one source have it at their parent
        if "layer" in layer:
            yield from layers(layer, mark)
        elif layer["mark"]["type"] == mark:
            yield layer, layer["data"]["values"]


def material_of(search: Search, budget: list[Figure] | None = None) -> Material:
    config = Config(data="fashion-mnist")
    return Material(Path(), config, Results(search=search, budget=budget or []), None, None)


def section(search: Search, budget: list[Figure] | None = None) -> dict[str, Any]:
    return dict(search_section(material_of(search, budget)) or {})


def trial(width: float, correct: int, epochs: float = 1.0, rung: int = 0) -> Trial:
    name = candidate_of(width).name
    return Trial(candidate=name, rung=rung, epochs=epochs, accuracy=Interval.of(correct, 1000), seconds=2.0)


def search_with(*done: Trial) -> Search:
    widths = sorted({float(of.candidate.split()[1]) for of in done})
    return Search(candidates=[candidate_of(width) for width in widths], trials=list(done), choice=done[-1].candidate)


def test_the_page_of_a_search_is_whole(searched: Run) -> None:
    html = (searched.path / "report.html").read_text(encoding="utf-8")
    page = Page(html)
    assert [name for name in page.ids if name in SECTIONS] == [
        name for name in SECTIONS if name != "precision"
    ]  # not asked for
    assert "Not there yet" not in page.text and len(html) < 1_000_000
    assert html.count('aria-label="Accuracy against ') == 5
    colors = {f"var(--{name})" for name in ("ink", "muted", "line", "paper", "c1", "c2", "c3", "c4", "c5", "c6")}
    charts = "".join(
        re.findall(r"<svg.*?</svg>", html.partition('id="search"')[2].partition('id="network"')[0], re.DOTALL)
    )
    assert set(re.findall(r'(?:fill|stroke)="([^"]*)"', charts)) - {"none", "transparent"} <= colors


def test_the_chosen_network_is_named_everywhere(searched: Run) -> None:
    search = searched.results.search
    assert search is not None
    chosen = next(of for of in search.candidates if of.name == search.choice)
    name = f"MobileNetV2 {chosen.width}"
    page = Page((searched.path / "report.html").read_text(encoding="utf-8"))
    assert f"{name} on fashion-mnist" in page.text and f"{name} reads 28" in page.text
    card = (searched.path / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert f"# {name} on fashion-mnist" in card
    assert rf"| Architecture | mobilenet\_v2, width {chosen.width} |" in card


def test_a_depth_multiplier_is_a_part_of_the_name() -> None:
    config = Config(data="x", model="mobilenet_v1", width=0.5, depth=0.75)
    assert text.model_name(config, Results()) == "MobileNetV1 0.5, depth 0.75"
    assert text.model_name(Config(data="x"), Results()) == "Network"


def test_a_run_whose_search_is_not_done_says_so(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", Config(data="PHOTOS/"))
    page = Page(report.write(run.path).read_text(encoding="utf-8")).text
    assert "Network for PHOTOS images: the search for it is not done yet." in page
    assert "The search" in page.partition("Not there yet:")[2].partition("Run the same command")[0]


@pytest.mark.parametrize("figure", ["macs", "latency", "ram", "flash"])
def test_a_chart_has_every_trial_with_its_interval(figure: str, specs: list[dict[str, Any]]) -> None:
    search = search_of()
    search_charts.front_chart(trials.rounds(search), figure, {}, None)
    known = {of.name: getattr(of, figure) for of in search.candidates}
    _, points = next(layers(specs[0], "point"))
    _, bars = next(layers(specs[0], "rule"))
    factor = max(known.values()) / max(row["x"] for row in points)
    wanted = sorted((known[of.candidate] / factor, of.accuracy.value) for of in search.trials)
    assert sorted((row["x"], row["y"]) for row in points) == [pytest.approx(pair) for pair in wanted]
    assert sorted((row["y"], row["high"]) for row in bars) == sorted(
        (of.accuracy.low, of.accuracy.high) for of in search.trials
    )


def test_only_equal_epochs_are_joined(specs: list[dict[str, Any]]) -> None:
    search = search_of()
    unequal = [*search.trials[:-1], search.trials[-1].model_copy(update={"epochs": 3.7})]
    found = trials.rounds(search.model_copy(update={"trials": unequal}))
    search_charts.front_chart(found, "macs", {}, None)
    epochs = {(of.accuracy.value, of.accuracy.low): of.epochs for of in unequal}
    _, rows = next(layers(specs[0], "line"))
    lines: dict[str, set[float]] = {}
    for row in rows:
        lines.setdefault(row["line"], set()).add(epochs[row["y"], row["low"]])
    assert sorted(lines.values(), key=min) == [{0.4}, {1.2}, {3.6}, {3.7}]
    encoding = next(layers(specs[0], "line"))[0]["encoding"]
    assert encoding["detail"]["field"] == "line"


def test_the_front_has_no_point_that_another_beats() -> None:
    done = [trial(0.25, 700), trial(0.35, 690), trial(0.5, 800), trial(0.75, 800), trial(1.0, 810)]
    (only,) = trials.rounds(search_with(*done))
    joined = trials.front(only.points, lambda candidate: candidate.macs)
    assert [point.candidate.width for point in joined] == [0.25, 0.5, 1.0]


def test_choice_and_runner_up_are_marked_where_they_ended(specs: list[dict[str, Any]]) -> None:
    search = search_of()
    section(search)
    last = {of.candidate: of for of in search.trials}
    marks = {layer["mark"]["shape"]: rows for layer, rows in layers(specs[0], "point") if "shape" in layer["mark"]}
    assert search.runner_up is not None
    assert [row["y"] for row in marks["diamond"]] == [last[search.choice].accuracy.value]
    assert [row["y"] for row in marks["triangle-up"]] == [last[search.runner_up].accuracy.value]
    words = {row["text"] for _, rows in layers(specs[0], "text") for row in rows}
    assert {"choice", "runner-up"} <= words


def test_estimated_latencies_are_hollow(specs: list[dict[str, Any]]) -> None:
    search = search_of()
    search_charts.front_chart(trials.rounds(search), "latency", {}, None)
    measured = {of.name for of in search.candidates if of.latency_certainty == "measured"}
    _, points = next(layers(specs[0], "point"))
    hollow = sum(row["fill"] == "var(--paper)" for row in points)
    assert 0 < hollow == sum(of.candidate not in measured for of in search.trials)


def test_a_chart_without_figures_is_left_out_and_missing_ones_are_counted(specs: list[dict[str, Any]]) -> None:
    search = search_of()
    unknown = [of.model_copy(update={"latency": None, "latency_certainty": "unknown"}) for of in search.candidates]
    shown = section(search.model_copy(update={"candidates": unknown}))
    assert [front["name"] for front in shown["fronts"]] == ["MACs", "RAM", "flash"]
    some = section(search.model_copy(update={"candidates": unknown[:5] + search.candidates[5:]}))
    assert [(front["name"], front["unknown"]) for front in some["fronts"]][1] == ("latency", 5)


@pytest.mark.parametrize(
    ("limit", "words", "ruled"), [(12e6, "limit 12 M", True), (1e9, "limit 1 G \N{RIGHTWARDS ARROW}", False)]
)
def test_a_limit_is_ruled_or_pointed_at(limit: float, words: str, ruled: bool, specs: list[dict[str, Any]]) -> None:
    search_charts.front_chart(trials.rounds(search_of()), "macs", {}, limit)
    texts = [row["text"].replace(text.SPACE, " ") for _, rows in layers(specs[0], "text") for row in rows]
    assert texts == [words]
    rules = [rows for layer, rows in layers(specs[0], "rule") if "strokeDash" in layer["mark"]]
    assert len(rules) == ruled
    low, high = specs[0]["layer"][0]["encoding"]["x"]["scale"]["domain"]
    assert all(low <= row["x"] <= high for rows in rules for row in rows)


def test_the_collapse_is_the_widest_width_with_a_sure_loss(specs: list[dict[str, Any]]) -> None:
    done = [trial(0.1, 600), trial(0.25, 760), trial(0.35, 875), trial(0.5, 900), trial(0.75, 890), trial(1.0, 800)]
    search = search_with(*done)
    (line,) = trials.width_lines(trials.rounds(search)[0])
    assert line.best.candidate.width == 0.5
    assert line.collapse is not None and line.collapse.candidate.width == 0.25
    shown = section(search)
    rings = [rows for layer, rows in layers(specs[-1], "point") if layer["mark"].get("size") == search_charts.RING]
    assert [[(row["x"], row["y"]) for row in rows] for rows in rings] == [[(0.25, 0.76)]]
    assert shown["widths"]["epochs"] == f"1{text.SPACE}epoch"


def test_no_collapse_is_said(tmp_path: Path) -> None:
    done = [trial(0.35, 890), trial(0.5, 900), trial(0.75, 905)]
    search = search_with(*done)
    (line,) = trials.width_lines(trials.rounds(search)[0])
    assert line.collapse is None
    run = make_searched_run(tmp_path / "run", search=search)
    assert "No collapse down to width 0.35" in Page(report.write(run.path).read_text(encoding="utf-8")).text


def test_a_line_whose_thinnest_is_the_best_has_no_collapse(tmp_path: Path) -> None:
    run = make_searched_run(tmp_path / "run", search=search_with(trial(0.35, 900), trial(0.5, 600), trial(0.75, 500)))
    page = Page(report.write(run.path).read_text(encoding="utf-8")).text
    assert "No collapse: the thinnest, width 0.35, is the best" in page


def test_two_widths_make_no_line() -> None:
    done = [trial(0.35, 600), trial(0.5, 900), trial(0.5, 900, 2.0, 1), trial(0.75, 900, 2.0, 1)]
    assert section(search_with(*done))["widths"] is None


@pytest.mark.parametrize(("correct", "rung", "tie"), [(880, 0, True), (700, 0, False), (880, 1, False)])
def test_a_tie_needs_equal_epochs_and_intervals_that_meet(correct: int, rung: int, tie: bool) -> None:
    search = search_with(trial(0.35, correct), trial(0.5, 890, 1.0, rung)).model_copy(
        update={"runner_up": candidate_of(0.35).name}
    )
    assert section(search)["tie"] is tie


def test_the_table_of_trials_is_sorted_marked_and_folded() -> None:
    search = search_of()
    shown = section(search)
    rows = shown["shown"] + shown["folded"]
    assert len(rows) == len(search.trials) and shown["folded"]
    order = [(-row["point"].rung, -row["point"].accuracy.value) for row in rows]
    assert order == sorted(order)
    assert {row["point"].candidate.name: row["role"] for row in rows if row["role"]} == {
        search.choice: "choice",
        search.runner_up: "runner-up",
    }
    assert [row["chosen"] for row in rows].index(True) == 0 and sum(row["chosen"] for row in rows) == 1
    certainty = {row["point"].candidate.latency_certainty: row["latency"][0] == "~" for row in rows}
    assert certainty == {"measured": False, "estimated": True}


def test_a_search_that_trained_nothing_still_renders(tmp_path: Path) -> None:
    search = Search(candidates=[candidate_of(0.5)], trials=[], choice=candidate_of(0.5).name)
    run = make_searched_run(tmp_path / "run", search=search)
    page = Page(report.write(run.path).read_text(encoding="utf-8")).text
    assert "1 network was a candidate" in page
    assert "1 network was a candidate" in (run.path / "MODEL_CARD.md").read_text(encoding="utf-8")


def test_names_are_escaped(tmp_path: Path) -> None:
    search = search_of(widths=(0.25, 0.5, 1.0), models=(NASTY,))
    figures = [
        figure.model_copy(update={"limit_from": NASTY, "reason": NASTY})
        for figure in budget_of(results_of(tmp_path, GARMENTS))
    ]
    figures[2] = figures[2].model_copy(update={"value": None, "certainty": "unknown"})
    run = make_searched_run(tmp_path / "run", search=search, budget=figures)
    page = Page(report.write(run.path).read_text(encoding="utf-8"))
    assert "script" not in page.tags and page.text.count(NASTY) > 3
    assert "<script>" not in (run.path / "MODEL_CARD.md").read_text(encoding="utf-8")


def test_the_budget_tells_what_is_spent_of_it(searched: Run) -> None:
    page = Page((searched.path / "report.html").read_text(encoding="utf-8")).text.replace(text.SPACE, " ")
    budget = page.partition("The shipped network keeps all 4 limits.")[2].partition("The search")[0]
    assert "RAM 296.0 KiB exact 384.0 KiB --ram 77.1 % arena 294.0 KiB + input 784 B" in budget
    assert "Flash ~1.58 MiB estimated 2.00 MiB board 79.2 % weights 1.53 MiB + code ~34.0 KiB" in budget
    assert "Latency 0.213 ms measured 1 ms --latency 21.3 %" in budget
    assert "Parameters 409 k exact none" in budget


def test_a_missed_limit_is_marked(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", budget=budget_of(results_of(tmp_path, GARMENTS), ram=200 * 1024))
    html = report.write(run.path).read_text(encoding="utf-8")
    page = Page(html).text.replace(text.SPACE, " ")
    assert "misses 1 of 4 limits: RAM by 96.0 KiB ." in page and "over by 96.0 KiB" in page
    assert "148 % of the budget of 200.0 KiB: missed" in page
    assert 'class="over" style="width:100.0%"' in html
    assert "The search" not in page
    card = (run.path / "MODEL_CARD.md").read_text(encoding="utf-8").replace(text.SPACE, " ")
    assert "| RAM | 296.0 KiB | exact | 200.0 KiB | --ram | 148.0 %, missed by 96.0 KiB |" in card


def test_a_limit_that_nobody_can_decide_is_said(tmp_path: Path) -> None:
    figures = [
        *budget_of(results_of(tmp_path, GARMENTS))[:2],
        Figure(name="latency", value=None, certainty="unknown", limit=0.1, limit_from="--latency", reason="no clock"),
    ]
    run = make_run(tmp_path / "run", budget=figures)
    page = Page(report.write(run.path).read_text(encoding="utf-8")).text
    assert "Not decided: latency (no clock)." in page and "keeps all" not in page


def test_without_limits_there_is_no_budget(tmp_path: Path) -> None:
    figures = [
        figure.model_copy(update={"limit": None, "limit_from": "", "short": 0})
        for figure in budget_of(results_of(tmp_path, GARMENTS))
    ]
    run = make_run(tmp_path / "run", budget=figures)
    html = report.write(run.path).read_text(encoding="utf-8")
    assert 'id="budget"' not in html and "Not there yet" not in html
    assert "## Budget" not in (run.path / "MODEL_CARD.md").read_text(encoding="utf-8")


def test_the_cards_tell_the_share_of_the_budget(tmp_path: Path) -> None:
    results = results_of(tmp_path, GARMENTS)
    results = results.model_copy(update={"budget": budget_of(results)})
    config = Config(data="fashion-mnist", model="mobilenet_v2")
    notes = {
        label: words.replace(text.SPACE, " ")
        for label, _, words in cards(Material(tmp_path, config, results, None, "float32"))
    }
    assert notes["RAM"] == "77 % of the budget of 384.0 KiB"
    assert notes["Flash"] == "~79 % of the budget of 2.00 MiB, the device's reserve included"
    assert notes["Latency"] == "21 % of the budget of 1 ms"
    assert notes["Parameters"] == "trainable, as papers count"
    plain = results.model_copy(update={"budget": [], "latency": {}})
    assert "Latency" not in [label for label, _, _ in cards(Material(tmp_path, config, plain, None, "float32"))]


def test_a_hair_above_the_limit_is_not_written_as_all_of_it() -> None:
    def words(value: int) -> str:
        return note(
            Figure(name="macs", value=value, certainty="exact", limit=1_000_000, short=max(value - 1_000_000, 0))
        )

    assert words(1_004_000).replace(text.SPACE, " ") == "100.4 % of the budget of 1 M: missed"
    assert words(997_000).replace(text.SPACE, " ") == "99.7 % of the budget of 1 M"
    assert words(4_000).replace(text.SPACE, " ") == "0.4 % of the budget of 1 M"


def test_the_card_tells_how_the_network_was_found(searched: Run) -> None:
    card = (searched.path / "MODEL_CARD.md").read_text(encoding="utf-8").replace(text.SPACE, " ")
    found = card.partition("## How the network was found")[2].partition("##")[0]
    search = searched.results.search
    assert search is not None
    last = {of.candidate: of.accuracy for of in search.trials}
    assert f"{len(search.candidates)} networks were candidates" in found
    assert f"in {len(search.trials)} trials of 0.4, 1.2 and 3.6 epochs" in found
    assert f"{100 * last[search.choice].value:.1f} % ({text.interval(last[search.choice])}) after 3.6 epochs" in found
    assert "the runner-up" in found
    for block in card.split("\n\n"):
        if block.strip().startswith("|"):
            assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines() if line}) == 1
