"""Run folders as the pipeline leaves them, synthesised: shapes and counts are consistent, pictures are made up."""

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image

from depthwise.config import Config
from depthwise.counts import Cost, LayerCost
from depthwise.findings import Finding, Lint
from depthwise.results import (
    Buffer,
    Candidate,
    DataFacts,
    Epoch,
    Figure,
    FloatLayer,
    Interval,
    Ladder,
    Latency,
    LayerNoise,
    Memory,
    Mistake,
    Origin,
    Part,
    Results,
    RungResult,
    Search,
    Shipping,
    Training,
    Trial,
    Verification,
)
from depthwise.runs import Run

GARMENTS = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]
STAGES = ((1, 8, 1, 1), (6, 8, 2, 1), (6, 16, 3, 2), (6, 24, 4, 2), (6, 32, 3, 1), (6, 56, 3, 2), (6, 112, 1, 1))


def row(name: str, op: str, shape: tuple[int, ...], macs: int = 0, weights: int = 0) -> LayerCost:
    channels = shape[0] if weights else 0
    return LayerCost(
        name=name,
        op=op,
        shape=[1, *shape],
        macs=macs,
        parameters=weights + 2 * channels,
        weight_bytes=4 * (weights + channels),
        activation_bytes=4 * math.prod(shape),
    )


def mobilenet_v2_rows(classes: int, side: int = 28) -> list[LayerCost]:
    rows = [row("stem.conv", "Convolution", (16, side, side), side**2 * 16 * 9, 144)]
    channels = 16
    for i, (expansion, out, repeats, stride) in enumerate(STAGES):
        for j in range(repeats):
            name, hidden, step = f"blocks.{i}.{j}", channels * expansion, stride if j == 0 else 1
            if expansion > 1:
                macs = side**2 * channels * hidden
                rows.append(row(f"{name}.expansion", "Pointwise", (hidden, side, side), macs, channels * hidden))
            side //= step
            rows.append(row(f"{name}.depthwise", "Depthwise", (hidden, side, side), side**2 * hidden * 9, hidden * 9))
            rows.append(row(f"{name}.projection", "Pointwise", (out, side, side), side**2 * hidden * out, hidden * out))
            if step == 1 and out == channels:
                rows.append(row(f"{name}.add", "Add", (out, side, side)))
            channels = out
    rows.append(row("head.conv", "Pointwise", (1280, side, side), side**2 * channels * 1280, channels * 1280))
    rows.append(row("head.pool", "GlobalAveragePool", (1280, 1, 1)))
    rows.append(row("head.classifier", "FullyConnected", (classes,), 1280 * classes, 1280 * classes))
    return rows


def cost_of(rows: list[LayerCost], side: int = 28) -> Cost:
    return Cost(
        parameters=sum(r.parameters for r in rows),
        macs=sum(r.macs for r in rows),
        layers=rows,
        input_shape=[1, side, side],
    )


def memory_of(rows: list[LayerCost]) -> Memory:
    """Outputs placed by turns at the bottom and at the top of the arena; an add keeps the block's input alive."""
    arena = max(a.activation_bytes + b.activation_bytes for a, b in pairwise(rows))
    buffers = []
    for i, r in enumerate(rows[:-1]):
        offset = 0 if i % 2 == 0 else arena - r.activation_bytes
        buffers.append(Buffer(name=r.name, offset=offset, bytes=r.activation_bytes, first=i, last=i + 1))
    return Memory(
        arena=arena,
        input=784,
        output=40,
        stack=1184,
        weights=sum(r.weight_bytes for r in rows),
        code=34_816,
        calls=[r.name for r in rows],
        buffers=buffers,
    )


def wilson(correct: int, total: int) -> Interval:
    z, p = 1.96, correct / total
    middle = (p + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * math.sqrt(p * (1 - p) / total + z * z / (4 * total * total))
    return Interval(correct=correct, total=total, value=p, low=middle - half, high=middle + half)


def confusion_of(classes: int, per_class: int, rng: np.random.Generator) -> list[list[int]]:
    matrix = np.zeros((classes, classes), int)
    for truth in range(classes):
        shares = rng.dirichlet(np.full(classes, 0.08)) * rng.uniform(0.02, 0.3)
        shares[truth] += 1 - shares.sum()
        matrix[truth] = rng.multinomial(per_class, shares)
    return [[int(n) for n in line] for line in matrix]


def history_of(epochs: int) -> list[Epoch]:
    return [
        Epoch(
            epoch=e,
            train_loss=0.62 + 1.5 * math.exp(-e / 3),
            train_accuracy=0.91 - 0.5 * math.exp(-e / 3),
            validation_loss=0.64 + 1.2 * math.exp(-e / 2.5) + 0.01 * math.sin(3 * e) + 0.0008 * max(e - 15, 0) ** 2,
            validation_accuracy=0.894 - 0.42 * math.exp(-e / 2.5) + 0.004 * math.sin(3 * e),
            learning_rate=0.01 * (1 + math.cos(math.pi * e / epochs)),
            seconds=8.6,
        )
        for e in range(1, epochs + 1)
    ]


def results_of(folder: Path, classes: list[str], name: str = "fashion-mnist", pictures: int = 24) -> Results:
    """A finished run; its mistake pictures are written into `folder`."""
    rng = np.random.default_rng(0)
    rows = mobilenet_v2_rows(len(classes))
    matrix = confusion_of(len(classes), 2500 // len(classes) + 1, rng)
    total, correct = sum(map(sum, matrix)), sum(matrix[i][i] for i in range(len(matrix)))
    wrong = [(t, p) for t, line in enumerate(matrix) for p, n in enumerate(line) if t != p for _ in range(n)]
    mistakes = []
    (folder / "mistakes").mkdir(exist_ok=True)
    for i, pick in enumerate(rng.permutation(len(wrong))[:pictures]):
        truth, predicted = wrong[int(pick)]
        y, x = np.mgrid[0:28, 0:28] - 13.5
        shape = np.clip(255 * np.exp(-((np.abs(x) / 9) ** 4 + (np.abs(y + truth - 5) / 11) ** 4)), 0, 255)
        Image.fromarray((shape * rng.uniform(0.6, 1, (28, 28))).astype(np.uint8)).save(folder / f"mistakes/{i}.png")
        mistakes.append(
            Mistake(
                picture=f"mistakes/{i}.png",
                truth=classes[truth],
                predicted=classes[predicted],
                probability=float(rng.uniform(0.4, 0.99)),
            )
        )
    return Results(
        origin=Origin(
            command=f"depthwise fit {name} --model mobilenet_v2 --width 0.35 --train-time 3min",
            machine="2 cores of an AMD EPYC 9R14, AVX-512, Linux 6.1",
            compiler="gcc 12.2.0",
            versions={"depthwise": "0.1.0", "python": "3.11.2", "torch": "2.13.0", "onnxruntime": "1.24.1"},
            date="2025-03-14T10:21:07+00:00",
        ),
        data=DataFacts(
            name=name,
            classes=classes,
            train=12_000,
            validation=2_000,
            test=total,
            skipped=["train/Coat/0041.png: truncated", "train/Bag/IMG_7.heic: not an image that Pillow reads"],
            fingerprint="9f3c6a01be774d21",
            source="embedded subset",
        ),
        cost=cost_of(rows),
        lint=lint_of(),
        papers=["Sandler et al. 2018, MobileNetV2: Inverted Residuals and Linear Bottlenecks, arXiv 1801.04381"],
        training=Training(epochs=20, images_per_second=1523.4, best_epoch=17, seconds=176.2, history=history_of(20)),
        accuracy={
            "float32": {
                "torch": wilson(correct, total),
                "onnxruntime": wilson(correct, total),
                "compiled": wilson(correct, total),
            }
        },
        verification={
            "float32": Verification(
                differences={"torch": 1.9e-6, "onnxruntime": 1.2e-6}, confusion=matrix, mistakes=mistakes
            )
        },
        memory={"float32": memory_of(rows)},
        latency={
            "float32": [
                Latency(runtime="torch", version="2.13.0", median_ms=3.94, minimum_ms=3.61),
                Latency(runtime="onnxruntime", version="1.24.1", median_ms=0.412, minimum_ms=0.387),
                Latency(runtime="depthwise", version="0.1.0", median_ms=0.213, minimum_ms=0.204),
            ]
        },
        shipped="float32",
        seconds={"data": 1.2, "train": 176.2, "graph": 0.9, "compile": 4.1, "verify": 6.3, "profile": 8.8},
    )


def make_run(folder: Path, classes: list[str] | None = None, **changes: object) -> Run:
    """A run folder with the results of a finished run; `changes` replaces sections (None removes one)."""
    run = Run.create(folder, Config(data="fashion-mnist", model="mobilenet_v2", width=0.35, train_time=180))
    results = results_of(folder, classes or GARMENTS)
    empty = Results()
    run.record(results.model_copy(update={k: getattr(empty, k) if v is None else v for k, v in changes.items()}))
    return run


def lint_of() -> Lint:
    layers = ("blocks.1.0.projection", "blocks.2.0.projection", "blocks.3.0.projection", "blocks.4.0.projection")
    findings = [
        Finding(
            code="DW001",
            name="activation-after-projection",
            severity="error",
            layers=[layer],
            reason="a ReLU after the projection from 96 to 24 channels destroys what only these few hold",
            fix="leave it out of `a<b`",
        )
        for layer in layers
    ]
    head = Finding(
        code="DW004",
        name="dense-head",
        severity="warning",
        layers=["head.classifier"],
        reason="900 of 1,000 parameters (90 %) are behind the pooling",
        fix="ask for fewer classes",
    )
    return Lint(network="mobilenet_v2", precision="float32", findings=[*findings, head])


def in_8_bits(results: Results) -> Results:
    """The same run with a network in 8 bits that ships: a third of the weights, half the time, noise of its own."""
    float32, (correct, total) = results.verification["float32"], (1780, 2000)
    memory, rows = results.memory["float32"], results.cost.layers if results.cost else []
    reference = Interval.of(correct, total)
    rungs = [
        RungResult(rung=name, changed="scales", accuracy=Interval.of(number, total), seconds=2.0, kept=kept)
        for name, number, kept in (("calibration, min-max", 1740, True), ("equalization", 1730, False))
    ]
    alone = {row.name: 40.0 for row in rows} | {"stem.conv": 21.0, "blocks.0.0.depthwise": 21.5}
    ladder = Ladder(
        reference=reference,
        accuracy=Interval.of(1772, total),
        rungs=rungs,
        max_drop=1.0,
        noise=[LayerNoise(name=row.name, op=row.op, total=alone[row.name] - 3, alone=alone[row.name]) for row in rows],
        floats=[FloatLayer(name=name, op="", macs=1, extra_bytes=300) for name in ("stem.conv", "head.classifier")],
        float_share=0.031,
        calibration=256,
    )
    alike = [max(0, sum(row) - 3) for row in float32.confusion]
    other = float32.model_copy(update={"alike": alike, "notes": ["ONNX Runtime is 0.4 points off"]})
    times = [row.model_copy(update={"median_ms": row.median_ms / 2}) for row in results.latency["float32"]]
    return results.model_copy(
        update={
            "ladder": ladder,
            "shipped": "int8",
            "shipping": Shipping(reason="int8 costs 0.4 points of accuracy"),
            "accuracy": results.accuracy | {"int8": {"compiled": reference, "oracle": reference}},
            "verification": results.verification | {"int8": other},
            "memory": results.memory | {"int8": memory.model_copy(update={"weights": memory.weights // 3})},
            "latency": results.latency | {"int8": times},
        }
    )


WIDTHS = (0.1, 0.25, 0.35, 0.5, 0.75, 1.0)
MACS = 12_000_000
"""The limit of the search."""


def candidate_of(width: float, resolution: int = 28, model: str = "mobilenet_v2", **changes: object) -> Candidate:
    """A candidate whose figures grow with width and resolution as those of separable convolutions do."""
    size = (width / 0.75) ** 1.7 * (resolution / 28) ** 2 * (1.0 if model == "mobilenet_v2" else 1.9)
    weights = (width / 0.75) ** 1.8
    values = {
        "name": f"{model} {width} @{resolution}",
        "model": model,
        "width": width,
        "resolution": resolution,
        "macs": int(10.7e6 * size + 1e5),
        "parameters": int(4e5 * weights + 9e3),
        "ram": int(300_000 * size**0.6 + 3_000),
        "flash": int(1.6e6 * weights + 42_000),
        "latency": 0.21e-3 * size + 3e-6,
        "latency_certainty": "estimated",
    }
    return Candidate.model_validate(values | changes)


def search_of(widths: tuple[float, ...] = WIDTHS, models: tuple[str, ...] = ("mobilenet_v2", "mobilenet_v1")) -> Search:
    """Successive halving over models, two resolutions and widths below the limit; those of the last round are timed."""
    pool = [candidate_of(width, side, model) for model in models for side in (28, 20) for width in widths]
    pool = [candidate for candidate in pool if candidate.macs <= MACS]

    def accuracy(candidate: Candidate, epochs: float) -> float:
        best = 0.905 - 0.02 * (candidate.resolution < 28) - 0.01 * (candidate.model != "mobilenet_v2")
        return best - 0.22 * math.exp(-6 * candidate.width) - 0.16 * math.exp(-epochs) - 0.01 * candidate.width / epochs

    alive, trials = pool, []
    for rung, (epochs, images) in enumerate(((0.4, 500), (1.2, 1000), (3.6, 2000))):
        for of in alive:
            interval = Interval.of(round(images * accuracy(of, epochs)), images)
            seconds = epochs * (4 + of.macs / 1e6)
            trials.append(Trial(candidate=of.name, rung=rung, epochs=epochs, accuracy=interval, seconds=seconds))
        alive = sorted(alive, key=lambda of: -accuracy(of, epochs))[: max(len(alive) // 3, 2)]
    timed = {of.name: of.model_copy(update={"latency_certainty": "measured"}) for of in alive}
    return Search(
        candidates=[timed.get(of.name, of) for of in pool],
        trials=trials,
        choice=alive[0].name,
        runner_up=alive[1].name,
        seconds=372.4,
    )


def budget_of(results: Results, ram: int | None = 384 * 1024) -> list[Figure]:
    """What the network of `results` takes, with every certainty; its RAM is 296 KiB."""
    memory, cost = results.memory["float32"], results.cost
    assert cost is not None
    parts = {
        name: Part(name=name, value=getattr(memory, name), certainty="estimated" if name == "code" else "exact")
        for name in ("arena", "input", "output", "stack", "weights", "code")
    }
    reserve = Part(name="reserve", value=20_000, certainty="exact")
    return [
        Figure(
            name="ram",
            value=memory.ram,
            certainty="exact",
            parts=[parts[name] for name in ("arena", "input", "output", "stack")],
            limit=ram,
            limit_from="--ram" if ram else "",
            short=max(memory.ram - ram, 0) if ram else 0,
        ),
        Figure(
            name="flash",
            value=memory.flash + reserve.value,
            certainty="estimated",
            parts=[parts["weights"], parts["code"], reserve],
            limit=2 * 1024**2,
            limit_from="board",
        ),
        Figure(name="latency", value=0.213e-3, certainty="measured", limit=1e-3, limit_from="--latency"),
        Figure(name="macs", value=cost.macs, certainty="exact", limit=MACS, limit_from="--macs"),
        Figure(name="parameters", value=cost.parameters, certainty="exact"),
    ]


def make_searched_run(folder: Path, **changes: object) -> Run:
    """A run folder that began without a model: a search chose it. `changes` replaces sections."""
    config = Config(data="fashion-mnist", train_time=600, macs=MACS, latency=1e-3, ram=384 * 1024)
    run = Run.create(folder, config)
    results = results_of(folder, GARMENTS)
    run.record(results.model_copy(update={"search": search_of(), "budget": budget_of(results)} | changes))
    return run
