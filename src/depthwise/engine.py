"""A compiled network as a Python callable, through the same C that ships."""

import ctypes
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx_ir as ir

from depthwise import compiler
from depthwise.compiler.ports import Inputs, empty_outputs, pack_inputs, unpack_outputs
from depthwise.data.preprocessing import Preprocessing
from depthwise.device import Device
from depthwise.errors import UserError
from depthwise.ops._quantized import Quantization
from depthwise.planning import DEFAULT, Choice
from depthwise.results import CallTime, Memory

_TIME = np.dtype([("name", np.uintp), ("ticks", np.uint64), ("count", np.uint32), ("segment", np.uint32)], align=True)
"""struct NAME_time of an emitted header; the system's clock counts nanoseconds."""

_ERRORS = {1: "a pointer is NULL", 2: "a pointer is misaligned", 3: "fewer than one thread"}


def aligned(size: int, alignment: int) -> np.ndarray:
    """Memory of `size` bytes, uint8, at a multiple of `alignment` bytes."""
    memory = np.empty(size + alignment, np.uint8)
    begin = -memory.ctypes.data % alignment
    return memory[begin : begin + size]


class Engine:
    """A network built for this machine. Make one with `Engine.build` or `Engine.load`.

    It may be called from several threads at once: each call has an arena of its own and holds no lock while it runs.
    All engines of a process share one pool of threads; a call that finds it at work does its own work by itself.

    Attributes:
        manifest: what the compiler wrote about the network.
        memory: exact bytes. compiler: version line of the C compiler that built it.
        input: "uint8" if a network takes camera bytes, "int8" if quantized values, else "float".
        classes: names of the (first) output's values, possibly none.
        preprocessing: how an image becomes the input, if the model says so.
    """

    def __init__(self, manifest: compiler.Manifest, built: compiler.Built, weights: bytes) -> None:
        self.manifest = manifest
        self.memory: Memory = compiler.memory_of(manifest, built)
        self.compiler = built.compiler
        kinds = {one.type if one.scale is None else "int8" for one in (*manifest.inputs, manifest.input)}
        self.input = next((kind for kind in ("int8", "uint8") if kind in kinds), "float")
        self.classes = tuple(manifest.classes)
        self.preprocessing: Preprocessing | None = manifest.preprocessing
        library = ctypes.CDLL(str(built.library))
        self._run = getattr(library, f"{manifest.name}_run_with_weights")
        self._run.argtypes = [ctypes.c_void_p] * 4
        self._run.restype = ctypes.c_int
        if manifest.thread is not None:
            self._run_parallel = getattr(library, f"{manifest.name}_run_parallel")
            self._run_parallel.argtypes = [*[ctypes.c_void_p] * 4, ctypes.c_int, *[ctypes.c_void_p] * 2]
        if manifest.profile:
            self._run_profiled = getattr(library, f"{manifest.name}_run_profiled")
            self._run_profiled.argtypes = [ctypes.c_void_p] * 5
        self._weights = aligned(len(weights), self.manifest.alignment)
        self._weights[:] = np.frombuffer(weights, np.uint8)
        self._arenas: list[np.ndarray] = []

    @classmethod
    def build(
        cls,
        graph: ir.Model,
        input: str = "uint8",
        *,
        device: Device | None = None,
        choice: Choice = DEFAULT,
        folder: Path | None = None,
        name: str = "network",
        profile: bool = False,
    ) -> "Engine":
        """Compiles a Graph for this machine.

        Args:
            graph: any Graph with weights.
            input: "uint8": camera bytes (the Graph must carry its preprocessing); "float": normalized float32; "auto":
                camera bytes if the Graph can; "int8": what its Quantize gives, uint8 (the manifest has the scale).
            device: whose target it is compiled for; None: this machine. Programs for another machine run here only if
                they are plain C.
            choice: which schedules may be taken, and what is to be least.
            folder: where to leave the C; None: nowhere.
            name: prefix of every symbol.
            profile: with what `profile` needs.

        Raises:
            UserError: as `compiler.compile_folder`.
        """
        compiler.find_compiler()
        programs = compiler.plans_for(graph, input, device, choice)
        if folder is not None:
            compiler.emit(programs, folder, name=name, device=device, profile=profile)
            return cls.load(folder)
        with tempfile.TemporaryDirectory() as temporary:
            place = Path(temporary) / name
            compiler.emit(programs, place, name=name, device=device, weights="pointer", profile=profile)
            return cls.load(place)

    @classmethod
    def load(cls, folder: Path) -> "Engine":
        """The network of an emitted folder, or of a run folder, built if the build cache does not hold it.

        Raises:
            UserError: the folder is neither, its weights are damaged, or as `compiler.build`.
        """
        if not (folder / "manifest.json").is_file() and (folder / "c" / "manifest.json").is_file():
            folder = folder / "c"
        manifest = compiler.read_manifest(folder)
        weights = folder / f"{manifest.name}_weights.bin"
        if not weights.is_file() or weights.stat().st_size != manifest.weights:
            raise UserError(f"{weights} does not hold the network's {manifest.weights} bytes: compile it again")
        return cls(manifest, compiler.build(folder), weights.read_bytes())

    def __call__(self, batch: Inputs, threads: int = 1) -> Any:
        """Runs the network on images.

        Args:
            batch: [N, H, W, C], or one [H, W, C]: uint8 pixels 0..255, or float32 as the network's input type says. Of
                a network with several inputs one such array for each, in order or by name.
            threads: how many may run it, to the same bits: so many images at a time, each on one thread, and the images
                that are left over one by one, each on all.

        Returns:
            float32 [N, outputs] (a network that ends in a map: [N, H, W, C]); of a network with several outputs a
            dictionary of such arrays by name.

        Raises:
            UserError: another shape or element type; inputs of other names or numbers; fewer than one thread.
        """
        shared = compiler.pool(threads) if threads != 1 else None
        images = pack_inputs(self.manifest, batch)
        outputs = empty_outputs(self.manifest, len(images))
        together = len(images) // threads * threads if shared else 0
        arena = self._arena(threads, many=together > 0)
        try:
            if shared and together:
                arrays = (self._weights, images[:together], outputs[:together], arena)
                self._check(shared.run_images(self._run, arrays, self.manifest.arena, threads))
            for image, output in zip(images[together:], outputs[together:], strict=True):
                pointers = [array.ctypes.data for array in (self._weights, image, output, arena)]
                self._check(self._entry(threads, shared)(*pointers))
        finally:
            self._arenas.append(arena)
        return unpack_outputs(self.manifest, outputs)

    def of_pixels(self, pixels: np.ndarray) -> np.ndarray:
        """What the network takes, from uint8 pixels [N, H, W, C]: themselves, or values normalized as in training.

        Raises:
            UserError: it takes floats and does not say how images become that.
        """
        if self.input == "uint8":
            return pixels
        if self.preprocessing is None:
            raise UserError("the network does not say how its images are prepared: compile it with --mean and --std")
        floats = np.ascontiguousarray(self.preprocessing.normalize(pixels).transpose(0, 2, 3, 1))
        scale, zero = self.manifest.input.scale, self.manifest.input.zero
        return floats if scale is None or zero is None else Quantization(scale, zero).quantize(floats)

    def prepared(self, image: Inputs, threads: int = 1) -> Callable[[], Any]:
        """A call on one image with every buffer bound beforehand, for timing: it returns the same arrays every time.

        Args:
            image: [1, H, W, C] or [H, W, C], as for a call of the engine.
            threads: how many run it.

        Raises:
            UserError: another shape or element type, several images, or fewer than one thread.
        """
        images = pack_inputs(self.manifest, image)
        if len(images) != 1:
            raise UserError(f"a prepared call takes one image, got {len(images)}")
        rows, arena = empty_outputs(self.manifest, 1), self._arena(threads)
        entry = self._entry(threads, compiler.pool(threads) if threads != 1 else None)
        outputs = unpack_outputs(self.manifest, rows)
        # These pointers keep their arrays alive.
        pointers = [array.ctypes.data_as(ctypes.c_void_p) for array in (self._weights, images, rows, arena)]

        def call() -> Any:
            self._check(entry(*pointers))
            return outputs

        return call

    def profile(self, image: Inputs, runs: int = 20) -> list[CallTime]:
        """What each call of a kernel takes of one run on an image, in order: the median over `runs`.

        Args:
            image: [1, H, W, C] or [H, W, C], as for a call of the engine.
            runs: at least one; two before them are not counted.

        Raises:
            UserError: another shape or element type, several images, or a network compiled without `profile`.
        """
        timed = self.manifest.profile
        if not timed:
            raise UserError(f"{self.manifest.name} takes no times: compile it with --profile (profile=True)")
        images = pack_inputs(self.manifest, image)
        if len(images) != 1 or runs < 1:
            raise UserError(f"a profile takes one image and at least one run, got {len(images)} and {runs}")
        output, arena = empty_outputs(self.manifest, 1), aligned(self.manifest.arena, self.manifest.alignment)
        times = np.zeros((runs + 2, len(timed)), _TIME)
        for row in times:
            pointers = (array.ctypes.data for array in (self._weights, images, output, arena, row))
            self._check(self._run_profiled(*pointers))
        seconds = 1e-9 * np.median(times[2:]["ticks"], axis=0)
        return [
            CallTime(**call.model_dump(), steps=int(steps), seconds=float(second))
            for call, steps, second in zip(timed, times[0]["count"], seconds, strict=True)
        ]

    def _entry(self, threads: int, shared: compiler.Pool | None) -> Callable[..., int]:
        """The C entry that runs one image: on one thread, or on several of the pool if the program can."""
        if shared is None or self.manifest.thread is None:
            return cast("Callable[..., int]", self._run)
        return lambda *pointers: int(self._run_parallel(*pointers, threads, shared.parallel_for, shared.address))

    def _arena(self, threads: int, *, many: bool = False) -> np.ndarray:
        """Memory for a run on several threads, or for as `many` runs at a time; used before if that suffices."""
        size = self.manifest.arena + (threads - 1) * (self.manifest.thread or 0)
        if many:
            size = max(size, threads * self.manifest.arena)
        try:
            arena = self._arenas.pop()
        except IndexError:
            arena = aligned(size, self.manifest.alignment)
        return arena if arena.size >= size else aligned(size, self.manifest.alignment)

    def _check(self, error: int) -> None:
        if error:
            raise RuntimeError(f"{self.manifest.name}_run returned {error}: {_ERRORS.get(error, 'unknown')}")
