"""From a Graph to a folder of self-contained C, and from there to a shared object for this machine."""

from dataclasses import dataclass
from pathlib import Path

import onnx_ir as ir

from depthwise import graph
from depthwise.compiler import toolchain
from depthwise.compiler.emit import KERNELS, emit, usage
from depthwise.compiler.manifest import Manifest, read_manifest
from depthwise.compiler.toolchain import Built, build, build_library, find_compiler, native_isa
from depthwise.device import Device
from depthwise.planning import DEFAULT, Choice, Program, plan
from depthwise.registry import choose
from depthwise.results import Memory

__all__ = [
    "KERNELS",
    "Built",
    "Compiled",
    "Manifest",
    "build",
    "build_library",
    "compile_folder",
    "emit",
    "find_compiler",
    "memory_of",
    "native_isa",
    "plan_for",
    "read_manifest",
]


@dataclass(frozen=True)
class Compiled:
    """What `compile_folder` made.

    Attributes:
        program: `planning.explain` prints it. manifest: as in the folder. memory: exact bytes; code and stack are 0 if
            nothing was built. usage: the lines of C that call the network.
    """

    program: Program
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
    """Compiles a Graph to a folder of C, and builds it if the target is this machine.

    Args:
        network: any Graph with weights.
        folder: see `emit`.
        name: prefix of every symbol and file.
        input: "uint8" (camera bytes), "float", or "auto": camera bytes if the Graph carries its preprocessing.
        device: the target; None: this machine.
        choice: which schedules may be taken, and what is to be least.
        build: whether to build what was written, which also measures code and stack.
        profile: see `emit`.

    Raises:
        UserError: as `graph.normalize`, `plan`, `emit` and `build`; without a compiler nothing is written.
    """
    here = build and not (device and device.target)
    compiler = find_compiler() if here else None
    program = plan_for(network, input, device, choice)
    manifest = emit(program, folder, name=name, device=device, profile=profile)
    built = toolchain.build(folder, compiler) if here else None
    return Compiled(program, manifest, memory_of(manifest, built), usage(manifest))


def plan_for(network: ir.Model, input: str, device: Device | None, choice: Choice = DEFAULT) -> Program:
    """The Program of a Graph for a device; see `compile_folder` for `input` and `choice`."""
    choose("input type", input, ("auto", "uint8", "float"))
    camera = input == "uint8" or (input == "auto" and graph.preprocessing_of(network) is not None)
    isa = device.isa if device and device.isa else native_isa()
    return plan(graph.normalize(network, input="uint8" if camera else "float"), isa, choice)


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
