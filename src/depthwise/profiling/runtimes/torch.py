"""PyTorch, eager and compiled: channels last, BatchNorm folded, inference mode."""

from pathlib import Path
from typing import Any

import numpy as np

from depthwise import graph
from depthwise.exporters.base import to_layout
from depthwise.profiling.runtimes.base import Runtime, Session, Setting, chained, feed


def folded_module(setting: Setting) -> Any:
    """The network as a torch module in evaluation mode, BatchNorm folded."""
    from depthwise.profiling.runtimes._torch_module import torch_module

    return torch_module(graph.normalize(setting.network.graph)).eval()


def channels_last_input(setting: Setting) -> tuple[Any, Any]:
    """The input tensor, channels last in memory, and what fills it before a run (see `feed`)."""
    import torch

    nhwc = np.empty_like(to_layout(setting.network.image, "NHWC"))
    before = feed(setting, "NHWC", nhwc)
    image = torch.from_numpy(nhwc)
    return image.permute(0, 3, 1, 2) if image.ndim == 4 else image, before


def _file(setting: Setting) -> Path:
    return setting.folder / "model.pt"


def _prepare(setting: Setting) -> None:
    if not _file(setting).exists():
        import torch

        module: Any = folded_module(setting)
        torch.save(module.to(memory_format=torch.channels_last), _file(setting))


def _module(setting: Setting) -> Any:
    import torch

    torch.set_num_threads(setting.threads)
    return torch.load(_file(setting), weights_only=False)


def _session(setting: Setting, module: Any) -> Session:
    import torch

    image, before = channels_last_input(setting)
    found = [image]

    def forward() -> None:
        with torch.inference_mode():
            found[0] = module(image)

    run = chained(before, forward)
    run()
    return Session(run, lambda: found[0].numpy(), "NHWC", _file(setting).stat().st_size)


def _load_eager(setting: Setting) -> Session:
    return _session(setting, _module(setting))


def _load_compiled(setting: Setting) -> Session:
    import torch
    import torch._inductor.config as inductor

    inductor.freezing = inductor.cpp_wrapper = True
    return _session(setting, torch.compile(_module(setting), mode="max-autotune"))


RUNTIMES = {
    "torch-eager": Runtime("torch", ("torch",), _prepare, _load_eager),
    # Loading compiles, for most of a minute, so this is done once.
    "torch-compile": Runtime("torch", ("torch",), _prepare, _load_compiled, {"float32": ("float32",)}),
}
