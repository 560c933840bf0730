"""The checkpoint of a run: one file, whole or absent, that is recognised as damaged or as another run's."""

import hashlib
import io
from pathlib import Path
from typing import Any

import torch

from depthwise.files import atomic_file
from depthwise.runs import CHECKPOINT
from depthwise.training.recipe import Plan


def save(folder: Path, plan: Plan, state: dict[str, Any]) -> None:
    """Writes the state (nested dictionaries of tensors and plain values) of a run of `plan`."""
    buffer = io.BytesIO()  # a full disk then shows as OSError, which torch's own writer hides
    torch.save({"plan": plan.model_dump_json(), "state": state}, buffer)
    content = buffer.getvalue()
    with atomic_file(folder / CHECKPOINT) as aside:
        aside.write_bytes(hashlib.sha256(content).digest() + content)


def load(folder: Path, plan: Plan) -> tuple[dict[str, Any] | None, str]:
    """The stored state of a run of `plan`, if there is one that can be used.

    Returns:
        The state or None, and a note for the user when a file was there but is not used.
    """
    path = folder / CHECKPOINT
    if not path.exists():
        return None, ""
    content = path.read_bytes()
    if hashlib.sha256(content[32:]).digest() != content[:32]:
        return None, f"{path} is damaged: training starts again"
    stored = torch.load(io.BytesIO(content[32:]), weights_only=True, map_location="cpu")
    if stored["plan"] != plan.model_dump_json():
        return None, f"{path} belongs to another plan: training starts again"
    return stored["state"], ""
