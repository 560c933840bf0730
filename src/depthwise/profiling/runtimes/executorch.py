"""ExecuTorch with its XNNPACK delegate; channels last."""

from pathlib import Path

from depthwise.profiling.runtimes.base import Runtime, Session, Setting, chained
from depthwise.profiling.runtimes.torch import channels_last_input, folded_module


def _file(setting: Setting) -> Path:
    return setting.folder / "model.pte"


def _prepare(setting: Setting) -> None:
    if _file(setting).exists():
        return
    import torch
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    image, _ = channels_last_input(setting)
    exported = torch.export.export(folded_module(setting), (image,))
    lowered = to_edge_transform_and_lower(exported, partitioner=[XnnpackPartitioner()])
    _file(setting).write_bytes(lowered.to_executorch().buffer)


def _load(setting: Setting) -> Session:
    from executorch.extension.pybindings.portable_lib import _load_for_executorch, _unsafe_reset_threadpool

    _unsafe_reset_threadpool(setting.threads)
    module = _load_for_executorch(str(_file(setting)))
    image, before = channels_last_input(setting)
    found = [image]

    def forward() -> None:
        (found[0],) = module.forward((image,))

    return Session(chained(before, forward), lambda: found[0].numpy(), "NHWC", _file(setting).stat().st_size)


PRECISIONS = {"float32": ("float32", "uint8"), "int8": ("float32", "uint8")}

RUNTIMES = {"executorch": Runtime("executorch", ("executorch", "torch"), _prepare, _load, PRECISIONS)}
