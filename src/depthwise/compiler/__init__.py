"""From a Graph to a folder of self-contained C, and from there to a shared object for this machine."""

from dataclasses import dataclass
from pathlib import Path

import onnx_ir as ir

from depthwise import graph
from depthwise.compiler import toolchain
from depthwise.compiler.emit import KERNELS, emit, usage
from depthwise.compiler.manifest import Manifest, read_manifest
from depthwise.compiler.pool import Pool, pool
from depthwise.compiler.toolchain import Built, build, build_library, find_compiler, native_isa, runs_here
from depthwise.device import Device
from depthwise.planning import DEFAULT, Choice, Program, plan
from depthwise.results import Memory

__all__ = [
    "KERNELS",
    "Built",
    "Compiled",
    "Manifest",
    "Pool",
    "build",
    "build_library",
    "compile_folder",
    "emit",
    "find_compiler",
    "memory_of",
    "native_isa",
    "plan_for",
    "plans_for",
    "pool",
    "read_manifest",
    "runs_here",
]


@dataclass(frozen=True)
class Compiled:
    """What `compile_folder` made.

    Attributes:
        programs: one for each variant, best first; `planning.explain` prints one. manifest: as in the folder.
        memory: exact bytes; code and stack are 0 if nothing was built. usage: the lines of C that call the network.
    """

    programs: list[Program]
    manifest: Manifest
    memory: Memory
    usage: list[str]


def compile_folder(
    network: ir.Model,
    folder: Path,
    *,
    name: str = "network",
    input: str = "auto",
    device: Device | None = None,
    choice: Choice = DEFAULT,
    build: bool = True,
    profile: bool = False,
) -> Compiled:
    """Compiles a Graph to a folder of C, and builds it if this machine is one of the target's.

    Args:
        network: any Graph with weights.
        folder: see `emit`.
        name: prefix of every symbol and file.
        input: "uint8" (camera bytes), "float", "int8" (8-bit values, if it quantizes its input), or
            "auto": camera bytes if the Graph carries its preprocessing.
        device: whose target it is compiled for; None: this machine.
        choice: which schedules may be taken, and what is to be least.
        build: whether to build what was written, which also measures code and stack.
        profile: see `emit`.

    Raises:
        UserError: as `graph.normalize`, `plan`, `emit` and `build`; without a compiler nothing is written.
    """
    here = build and (device is None or runs_here(device.target))
    compiler = find_compiler() if here else None
    programs = plans_for(network, input, device, choice)
    manifest = emit(programs, folder, name=name, device=device, profile=profile)
    built = toolchain.build(folder, compiler) if here else None
    return Compiled(programs, manifest, memory_of(manifest, built), usage(manifest))


def plan_for(network: ir.Model, input: str, device: Device | None, choice: Choice = DEFAULT) -> Program:
    """The Program of a Graph for the best variant of a device's target; see `compile_folder`."""
    return plans_for(network, input, device, choice)[0]


def plans_for(network: ir.Model, input: str, device: Device | None, choice: Choice = DEFAULT) -> list[Program]:
    """The Programs of a Graph for each variant of a device's target, best first; see `compile_folder`."""
    normal = graph.normalize(network, input)
    sets = device.isa if device and device.isa else native_isa()[:1]
    return [plan(normal, (name,), choice) for name in sets]


def memory_of(manifest: Manifest, built: Built | None) -> Memory:
    """The exact bytes of a compiled network; code and stack are 0 if it was not built."""
    return Memory(
        arena=manifest.arena,
        input=manifest.input_bytes,
        output=manifest.output_bytes,
        stack=built.stack if built else 0,
        weights=manifest.weights,
        code=built.code if built else 0,
        calls=manifest.calls,
        buffers=manifest.buffers,
    )
