"""ONNX Runtime as the second opinion: the same file, another implementation."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from depthwise.errors import missing_extra

if TYPE_CHECKING:
    import onnxruntime


def onnxruntime_session(path: Path, threads: int | None = None) -> "onnxruntime.InferenceSession":
    """A session for an .onnx file on the CPU.

    Args:
        path: the file.
        threads: None: as many as ONNX Runtime likes.

    Raises:
        UserError: onnxruntime is not installed.
    """
    try:
        import onnxruntime
    except ModuleNotFoundError:
        raise missing_extra("comparing with ONNX Runtime", "onnxruntime", "train") from None
    options = onnxruntime.SessionOptions()
    if threads is not None:
        options.intra_op_num_threads = options.inter_op_num_threads = threads
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run_session(session: "onnxruntime.InferenceSession", images: np.ndarray) -> np.ndarray:
    """First output of a session on float32 images [N, C, H, W]."""
    (name,) = (value.name for value in session.get_inputs())
    return np.asarray(session.run(None, {name: images})[0])
