"""Which network? From a device and a budget to the most accurate candidate that fits, by search."""

import shutil
import time
from collections.abc import Callable
from types import ModuleType

from pydantic import ValidationError

from depthwise import analysis, profiling, search
from depthwise.analysis import Check, Known
from depthwise.compiler import native_isa
from depthwise.config import Config
from depthwise.data import ImageData
from depthwise.design import Architecture
from depthwise.device import HOST, Device, Precision
from depthwise.errors import UserError
from depthwise.files import fingerprint, write_text
from depthwise.graph import Graph
from depthwise.progress import Progress
from depthwise.results import Search
from depthwise.runs import Run
from depthwise.search import SearchPlan
from depthwise.selection.candidates import SCALES, axes_of, candidates, require_any, time_network
from depthwise.selection.task import Task, missed
from depthwise.selection.trials import Trainer, affordable, evaluate, training_speed

PLAN, STORAGE, TRIALS = "search.json", "search.db", "trials"
"""In the run folder; the last is a folder that lives as long as the search."""

ReadImages = Callable[[int], ImageData]
"""The same images at a resolution."""


def require_fit(config: Config, device: Device, images: ImageData, progress: Progress) -> None:
    """Raises a UserError of exit code 1 if the network that the user named does not fit, or if no network does.

    It says by how much which limits are missed, and what would fit.

    Args:
        config: names the network, or none.
        device: the target; this machine is measured now if there is a limit of latency.
        images: at the resolution of the network, or their own.
        progress: told if something is measured.
    """
    task = _task(config, device, images, progress)
    if config.model is None:
        require_any(task)
        return
    network = task.network(config.model, config.width, images.preprocessing.size, config.depth)
    timed = config.latency is not None and device.name == HOST
    known = time_network(network, config.input, task.precision) if timed else None
    verdict = check(config, device, network, task.precision, known)
    if by := missed(verdict.figures):
        changes = " or ".join(change.options for change in verdict.changes[:3])
        advice = f"{changes} would fit" if changes else "without a named model, fit looks for one that does"
        raise UserError(f"{verdict.network} does not fit {device.name}: {by}; {advice}", exit_code=1)


def select(
    run: Run, device: Device, images: ImageData, read: ReadImages, training: ModuleType, progress: Progress
) -> Search:
    """Finds the most accurate candidate that keeps every limit, by a plan that is stored before the first trial.

    Args:
        run: its config has the budget, the time and the seed; its folder gets search.json and search.db.
        device: the target.
        images: at their own resolution, or at the one that the user gave.
        read: gives them at another resolution.
        training: the room of that name.
        progress: told where the search stands.

    Raises:
        UserError: nothing fits (exit code 1, names the nearest network), a limit on what cannot be told, or what the
            stages raise.
    """
    task = _task(run.config, device, images, progress)
    trainer = Trainer(read, training, run.path / TRIALS)
    mark = fingerprint(
        run.config.model_dump_json(exclude=run.config.unasked), images.fingerprint, sorted(task.limits.items())
    )
    plan = stored_plan(run)
    if plan is None or plan.mark != mark:
        (run.path / STORAGE).unlink(missing_ok=True)
        plan = _make_plan(task, trainer, mark)
        write_text(run.path / PLAN, plan.model_dump_json(indent=1) + "\n")
    progress.stage("search")
    progress.note(_announcement(plan, run.config.train_time))
    threads = plan.threads
    found = search.search(
        plan, lambda question: evaluate(task, trainer, question, threads), run.path / STORAGE, progress.step
    )
    shutil.rmtree(trainer.folder, ignore_errors=True)
    return found.model_copy(update={"seconds": round(found.seconds + plan.setup_seconds, 3)})


def stored_plan(run: Run) -> SearchPlan | None:
    """The plan in the run folder; None if there is none that can be read."""
    try:
        return SearchPlan.model_validate_json((run.path / PLAN).read_text(encoding="utf-8"))
    except (FileNotFoundError, UnicodeDecodeError, ValidationError):
        return None


def check(
    config: Config, device: Device, network: Architecture | Graph, precision: Precision, known: Known | None
) -> Check:
    """What a network takes of the device, beside the limits of the run."""
    if device.name == HOST:
        device = device.with_isa(native_isa()[:1])
    return analysis.check(network, device, config.budget, precision, known)


def _task(config: Config, device: Device, images: ImageData, progress: Progress) -> Task:
    """The task; this machine as a device is measured first, if only its latency is limited or a search orders by it."""
    if device.name == HOST:
        known = profiling.measured_host(progress) if config.model is None else device
        device = known.with_isa(native_isa()[:1])
    return Task(config, device, images, progress)


def _make_plan(task: Task, trainer: Trainer, mark: str) -> SearchPlan:
    """Weighs the candidates, times the finalists, and spreads the training time."""
    began = time.monotonic()
    config, images = task.config, task.images
    task.progress.stage("candidates")
    axes = axes_of(task)
    threads, speed = training_speed(task, trainer, axes.resolutions[min(1, len(axes.resolutions) - 1)])
    pool = candidates(task, axes, affordable(task, axes, speed))
    batch = min(config.batch_size, len(images.train))
    epochs = config.epochs or trainer.room.DEFAULT_EPOCHS
    plan = search.make_plan(
        mark,
        pool,
        {one.name: task.elements(one) for one in pool},
        search.Effort(
            seconds=config.train_time and config.train_time * search.SHARE,
            steps=epochs * (len(images.train) // batch),
            batch=batch,
            images=len(images.validation),
            speed=speed,
        ),
        config.seed,
    )
    return plan.model_copy(update={"threads": threads, "setup_seconds": round(time.monotonic() - began, 1)})


def _announcement(plan: SearchPlan, train_time: float | None) -> str:
    """What is going to happen, and how long it takes."""
    trials = f"{sum(plan.sizes)} short trainings of {plan.sizes[0]} candidates"
    if train_time is None:
        return f"{trials}, then the best is trained in full"
    left = max(0.0, train_time - plan.seconds - plan.setup_seconds)
    return (
        f"{trials} take about {plan.seconds:.0f} s, then the best is trained for about {left:.0f} s: "
        f"{train_time / 60:.3g} min in all"
    )


__all__ = [
    "PLAN",
    "SCALES",
    "STORAGE",
    "ReadImages",
    "check",
    "require_fit",
    "select",
    "stored_plan",
]
