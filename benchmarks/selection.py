"""The search against single networks: python -m benchmarks.selection [--train-time 10min] [--budgets 0.25M 1M 5M]

At each budget of MACs and each seed one run after another on full Fashion-MNIST, each with the same time in all:
`depthwise fit` with its search, and every model at the single width and resolution that fill the budget best (where it
fits at all). A row a run is appended to benchmarks/results/selection.csv; rows that are there are not run
again, so the table can be made in several sittings. Nothing else should run on the machine meanwhile.
"""

import argparse
import csv
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from depthwise import design
from depthwise.machine import machine
from depthwise.units import parse_count

TABLE = Path(__file__).parent / "results" / "selection.csv"
DATA, CLASSES, CHANNELS = "fashion-mnist", 10, 1
RESOLUTIONS = (28, 24, 20, 16)
KEY = ("train_time", "macs_limit", "seed", "method")
COLUMNS = (
    *KEY,
    *("model", "width", "resolution", "depth", "macs", "parameters", "epochs", "correct", "total", "accuracy", "low"),
    *("high", "search_s", "training_s", "wall_s", "date"),
)


def main() -> None:
    """Runs what is missing in the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train-time", default="10min")
    parser.add_argument("--budgets", nargs="+", default=["0.25M", "1M", "5M"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    options = parser.parse_args()
    for seed in options.seeds:
        for budget in options.budgets:
            for method, arguments in methods(parse_count("--budgets", budget)):
                key = (options.train_time, budget, str(seed), method)
                if key not in done():
                    print(f"{' '.join(key)} ...", flush=True)
                    append(dict(zip(KEY, key, strict=True)) | run(options.train_time, seed, arguments))


def methods(macs: int) -> Iterator[tuple[str, list[str]]]:
    """Name and options of the search and of the networks that it has to beat."""
    yield "search", ["--macs", str(macs)]
    for model in design.searched_models():
        sizes = {
            (macs_of(model, hundredths / 100, resolution), resolution, hundredths / 100)
            for hundredths in range(1, 101)
            for resolution in RESOLUTIONS
        }
        filling = max((size for size in sizes if size[0] <= macs), default=None)
        if filling:
            yield model, ["--model", model, "--width", f"{filling[2]:g}", "--resolution", str(filling[1])]


def macs_of(model: str, width: float, resolution: int) -> int:
    """MACs of a model on these images."""
    return sum(layer.macs for layer in design.architecture(model, width, resolution, CLASSES, CHANNELS).layers())


def run(train_time: str, seed: int, arguments: list[str]) -> dict[str, object]:
    """One `depthwise fit` in a process of its own, as a row."""
    folder = Path(tempfile.mkdtemp()) / "run"
    command = [sys.executable, "-c", "from depthwise.cli import main; main()", "fit", DATA, *arguments]
    command += ["--train-time", train_time, "--seed", str(seed), "-o", str(folder), "--quiet"]
    began = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    wall = time.monotonic() - began
    results = json.loads((folder / "results.json").read_text())
    config = json.loads((folder / "config.json").read_text())
    found = results["search"]
    chosen = next(one for one in found["candidates"] if one["name"] == found["choice"]) if found else config
    accuracy = results["accuracy"]["float32"]["compiled"]
    steps = json.loads((folder / "plan.json").read_text())
    passes = steps["epochs"] * steps["steps_per_epoch"] * steps["batch_size"] / results["data"]["train"]
    shutil.rmtree(folder.parent)
    return {
        "model": chosen["model"],
        "width": chosen["width"],
        "resolution": chosen["resolution"],
        "depth": chosen["depth"],
        "macs": results["cost"]["macs"],
        "parameters": results["cost"]["parameters"],
        "epochs": round(passes, 2),
        "correct": accuracy["correct"],
        "total": accuracy["total"],
        "accuracy": round(accuracy["value"], 4),
        "low": round(accuracy["low"], 4),
        "high": round(accuracy["high"], 4),
        "search_s": round(results["seconds"].get("search", 0), 1),
        "training_s": round(results["seconds"]["training"], 1),
        "wall_s": round(wall, 1),
        "date": datetime.now(UTC).date().isoformat(),
    }


def done() -> set[tuple[str, ...]]:
    """Keys of the rows that are there."""
    if not TABLE.exists():
        return set()
    with TABLE.open(newline="") as file:
        rows = csv.DictReader(line for line in file if not line.startswith("#"))
        return {tuple(row[name] for name in KEY) for row in rows}


def append(row: dict[str, object]) -> None:
    """Adds a row to the table; begins the table with a line about the machine."""
    new = not TABLE.exists()
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    with TABLE.open("a", newline="") as file:
        if new:
            file.write(f"# {machine()}; {DATA} in full; times in seconds\n")
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(row)


if __name__ == "__main__":
    main()
