"""From Programs to a folder of self-contained C, through the templates in templates/.

This file knows no operator and no kernel by name: it turns calls, places and fields into what templates print.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import jinja2

from depthwise.compiler.calls import C_TYPES, comment, functions_of, operands_in, segments_of
from depthwise.compiler.isa import BASE_FLAGS, INSTRUCTIONS, flags_for
from depthwise.compiler.manifest import FILE, LayerType, Manifest, Part, Tensor, TimedCall, WeightsForm
from depthwise.compiler.parallel import phases_of
from depthwise.compiler.weights import members
from depthwise.device import HOST, Device, load_device
from depthwise.errors import UserError
from depthwise.files import atomic_folder
from depthwise.ops import with_implied
from depthwise.ops._quantized import input_quantization
from depthwise.planning import PackedWeights, Place, Port, Program, pack_together
from depthwise.results import Buffer

KERNELS = Path(__file__).parents[1] / "kernels"
"""Where the kernels' headers are."""

SMALL_WEIGHTS = 128 * 1024
"""Bytes of constants up to which they are a C array everywhere: such an array is compiled in no time."""

_TAKEN = ("main", "assert", "errno", "float", "limits", "math", "stddef", "stdint", "stdio", "stdlib", "string", "time")
"""Names whose NAME.c or NAME.h would hide the example or a standard header."""

_RESIZE_RULES = {
    "squash": "both sides squashed to that size",
    "crop": "in proportion until it covers them, then the centre cut out",
    "pad": "in proportion as far as it fits in, black bars beside it",
}
_WEIGHTS_WHERE = {
    "array": "in {name}_weights.c",
    "incbin": "in {name}_weights.bin, taken in by {name}_weights.c",
    "pointer": "in {name}_weights.bin; the caller says where they lie",
}


def emit(
    program: Program | Sequence[Program],
    folder: Path,
    *,
    name: str = "network",
    device: Device | None = None,
    weights: WeightsForm | Literal["auto"] = "auto",
    profile: bool = False,
) -> Manifest:
    """Writes the C of a Program to `folder`, whole or not at all; an earlier emitted folder there is replaced.

    Args:
        program: made by `planning.plan` for the target's instruction set; or one for each of its sets, best first: then
            NAME.c chooses among NAME_SET.c when the network runs.
        folder: NAME.h, NAME.c, NAME_weights.c, NAME_weights.bin, NAME_threads.h and .c (a pool, for targets with
            vector instructions), main.c, kernels/, flags.txt, README.md, manifest.json.
        name: prefix of every symbol and file: a C identifier.
        device: whose target and flags are written down; None: the host.
        weights: "array" (a C array, for every toolchain), "incbin" (taken in by the assembler of gcc and clang, quick
            to build), "pointer" (no NAME_weights.c: the caller passes the address of what NAME_weights.bin holds), or
            "auto": an array if they are small, else what the target names.
        profile: with NAME_run_profiled, which takes the time of every call of the one program.

    Raises:
        UserError: a name that is no C identifier, weights that are absent or not finite, class names that do not fit
            the outputs, or a folder that holds something else.
    """
    _check_name(name)
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / FILE).is_file())):
        raise UserError(f"{folder} exists and is not a compiled network: give another folder with -o")
    programs = _variants([program] if isinstance(program, Program) else program)
    outputs, classes = math.prod(programs[0].outputs[0].place.shape), programs[0].classes
    if classes and len(classes) != outputs:
        raise UserError(f"the network has {outputs} outputs but {len(classes)} class names: correct its metadata")
    packed = pack_together(programs)
    device = device or load_device(HOST, measured=False)
    if weights == "auto":
        weights = device.target.weights if packed[0].data.nbytes > SMALL_WEIGHTS else "array"
    manifest = _manifest(programs, name, device, weights, packed[0])
    if profile and len(programs) > 1:
        raise UserError(f"the target {device.target.name} has several variants: give one with --target to --profile it")
    if profile:
        manifest = manifest.model_copy(update={"profile": _timed(programs[0])})
    texts = _render(programs, manifest, packed)
    headers = _headers(texts[source] for source in manifest.sources)
    with atomic_folder(folder) as aside:
        for file, text in texts.items():
            (aside / file).write_text(text, encoding="utf-8")
        (aside / "kernels").mkdir()
        for header in headers:
            (aside / "kernels" / header).write_bytes((KERNELS / header).read_bytes())
        (aside / f"{name}_weights.bin").write_bytes(packed[0].data.tobytes())
    return manifest


def render(template: str, name: str) -> str:
    """A template that asks for a name only, the prefix of its symbols."""
    return _template(template).render(name=name, NAME=name.upper(), version=version("depthwise"))


def usage(manifest: Manifest) -> list[str]:
    """The lines of C that call the network, for the end of `depthwise compile`."""
    text = _template("usage.c.j2").render(name=manifest.name, NAME=manifest.name.upper(), manifest=manifest)
    return text.splitlines()


def _variants(programs: Sequence[Program]) -> list[Program]:
    """The programs that differ: those that use their instruction set, and the last one, which every processor runs."""
    kept: list[Program] = []
    for program in reversed(programs):
        if not kept or (program.instructions and _set_of(program) != _set_of(kept[0])):
            kept.insert(0, program)
    return kept


def _set_of(program: Program) -> str:
    """The instruction set that a program needs."""
    return program.instructions[0] if program.instructions else "c"


def _manifest(
    programs: Sequence[Program], name: str, device: Device, weights: WeightsForm, packed: PackedWeights
) -> Manifest:
    largest = max(programs, key=lambda program: program.arena)
    sets = [_set_of(program) for program in programs]
    files = [f"{name}_{variant}.c" for variant in sets] if len(sets) > 1 else []
    levelled = any(flag.startswith("-O") for flag in device.flags)
    flags = BASE_FLAGS if files else flags_for(sets)  # several variants switch their sets on by themselves
    return Manifest(
        name=name,
        version=version("depthwise"),
        device=device.name,
        target=device.target.name,
        triple=device.target.triple,
        variants=sets,
        sources=[f"{name}.c", *files],
        flags=[*(flag for flag in flags if not (levelled and flag.startswith("-O"))), *device.flags],
        weights_form=weights,
        weights=packed.data.nbytes,
        arena=largest.arena,
        thread=max(program.private_bytes for program in programs) if any(one.phases for one in programs) else None,
        alignment=largest.alignment,
        lower_bound=largest.lower_bound,
        input=_tensor(largest.inputs[0].place, largest),
        output=_tensor(largest.outputs[0].place),
        inputs=_parts(largest.inputs, largest),
        outputs=_parts(largest.outputs),
        classes=list(largest.classes),
        preprocessing=largest.preprocessing,
        layers=(layers := _layers(largest)),
        floats=[call.name for call in largest.calls() if call.in_float] if layers else [],
        calls=[call.name for call in largest.calls()],
        buffers=[Buffer(**asdict(buffer)) for buffer in largest.buffers],
    )


def _layers(program: Program) -> list[LayerType]:
    """What each layer writes; of a float network nothing is to be said."""
    rows = []
    for call in program.calls():
        form = call.quantization
        known = {} if form is None else {"scale": float(form.scale), "zero": form.zero}
        rows.append(LayerType(name=call.name, op=call.op, type=call.output.type, **known))  # type: ignore[arg-type]
    return rows if any(row.scale is not None for row in rows) else []


def _timed(program: Program) -> list[TimedCall]:
    return [
        TimedCall(name=call.name, op=call.op, kernel=call.kernel.name, segment=number)
        for number, segment in enumerate(program.segments)
        for call in segment.calls
    ]


def _tensor(place: Place, readers: Program | None = None) -> Tensor:
    """What lies at a place; `readers` says with which scale an input of bytes is read."""
    shape = place.shape[1:] if len(place.shape) != 4 else (*place.shape[2:], place.shape[1])
    fields = {"type": place.type, "shape": list(shape), "bytes": place.bytes}
    for call in readers.calls() if readers else ():
        for index, read in enumerate(call.inputs):
            if (read.region, read.offset) == (place.region, place.offset) and "x_scales" in call.node.attributes:
                fields |= asdict(input_quantization(call.node, index))
    return Tensor.model_validate(fields)


def _parts(ports: Sequence[Port], readers: Program | None = None) -> list[Part]:
    """All of several inputs or outputs."""
    if len(ports) == 1:
        return []
    return [
        Part(**_tensor(port.place, readers).model_dump(), name=port.name, offset=port.place.offset) for port in ports
    ]


def _render(programs: Sequence[Program], manifest: Manifest, packed: Sequence[PackedWeights]) -> dict[str, str]:
    """File name -> text, for all files but kernels and binary weights."""
    name = manifest.name
    context = _context(manifest, packed[0])
    files = {f"{name}.h": "network.h.j2", "main.c": "main.c.j2", "README.md": "README.md.j2"}
    if manifest.weights_form == "array":
        files[f"{name}_weights.c"] = "weights_array.c.j2"
        context["members"] = members(packed[0].sections)
    elif manifest.weights_form == "incbin":
        files[f"{name}_weights.c"] = "weights_incbin.c.j2"
    if len(programs) > 1:
        files[f"{name}.c"] = "dispatch.c.j2"
    if manifest.thread is not None:
        files.update({f"{name}_threads.h": "threads.h.j2", f"{name}_threads.c": "threads.c.j2"})
    texts = {file: _template(template).render(context) for file, template in files.items()}
    for program, own, file in zip(programs, packed, manifest.sources[-len(programs) :], strict=True):
        texts[file] = _template("network.c.j2").render(context | _context_of(program, Path(file).stem, own))
    texts["flags.txt"] = " ".join(manifest.flags) + "\n"
    texts[FILE] = manifest.text()
    return texts


def _context_of(program: Program, prefix: str, packed: PackedWeights) -> dict[str, Any]:
    """What the templates know of one program; its symbols begin with `prefix`."""
    functions = functions_of(program, prefix)
    segments = segments_of(program, prefix, functions, packed)
    used = {name for segment in segments for name in (segment.used or operands_in(segment.calls, "xwya"))}
    return {
        "prefix": prefix,
        "set": _set(_set_of(program)),
        "headers": sorted({f"{call.kernel.name}.h" for call in program.calls()}),
        "functions": list(functions.values()),
        "segments": segments,
        "phases": phases_of(program, prefix, functions, segments, packed),
        "unused_names": [operand for operand in "xwya" if operand not in used],
    }


def _set(name: str) -> dict[str, Any]:
    """An instruction set for the templates: what tells it, and what switches it on in the source."""
    known = INSTRUCTIONS[name]
    condition = " && ".join(f"defined({macro})" for macro in known.macros)
    return {"name": name, "condition": condition, "features": known.features, "implied": with_implied(name)}


def _context(manifest: Manifest, packed: PackedWeights) -> dict[str, Any]:
    """What the templates know of the network."""
    form = manifest.preprocessing
    return {
        "name": manifest.name,
        "NAME": manifest.name.upper(),
        "version": manifest.version,
        "device": manifest.device,
        "target": manifest.target,
        "triple": manifest.triple,
        "variants": [_set(variant) for variant in manifest.variants],
        "sources": manifest.sources,
        "threads": manifest.thread is not None,
        "thread_bytes": manifest.thread,
        "layers": manifest.layers,
        "floats": manifest.floats,
        "classes": manifest.classes,
        "preprocessing": form,
        "resize_rule": _RESIZE_RULES[form.resize] if form else "",
        "channel_order": ("red, green, blue" if form.channels == 3 else "grey only") if form else "",
        **_ports(manifest),
        "arena": manifest.arena,
        "alignment": manifest.alignment,
        "profile": manifest.profile,
        "weights_form": manifest.weights_form,
        "weights_where": _WEIGHTS_WHERE[manifest.weights_form].format(name=manifest.name),
        "weight_bytes": manifest.weights,
        "weight_count": packed.data.size,
    }


def _ports(manifest: Manifest) -> dict[str, Any]:
    """What templates print of inputs and outputs: of the first ones, and of each where there are several."""
    types = [C_TYPES[tensor.type] for tensor in (*manifest.inputs, manifest.input)]
    return {
        "input_type": C_TYPES[manifest.input.type],
        "input_scale": manifest.input.scale,
        "input_zero": manifest.input.zero,
        "aligned_type": "float" if "float" in types else "uint8_t",
        "input_layout": _layout(manifest.input.shape),
        "input_dimensions": _dimensions(manifest.input),
        "input_count": math.prod(manifest.input.shape),
        "input_bytes": manifest.input_bytes,
        "output_layout": _layout(manifest.output.shape),
        "output_count": math.prod(manifest.output.shape),
        "output_bytes": manifest.output_bytes,
        "inputs": [_part(part) for part in manifest.inputs],
        "outputs": [_part(part) for part in manifest.outputs],
    }


def _part(part: Part) -> dict[str, Any]:
    return {
        "comment": comment(f"{part.name}: {C_TYPES[part.type]}, {_layout(part.shape)}{_scaled(part)}"),
        "offset": part.offset,
        "dimensions": _dimensions(part),
        "count": math.prod(part.shape),
    }


def _scaled(tensor: Tensor) -> str:
    return "" if tensor.scale is None else f", round(x / {tensor.scale!r}) + {tensor.zero}"


def _dimensions(tensor: Tensor) -> list[tuple[str, int]]:
    names = ("HEIGHT", "WIDTH", "CHANNELS") if len(tensor.shape) == 3 else ("CHANNELS",)
    return list(zip(names, tensor.shape, strict=True))


def _layout(shape: Sequence[int]) -> str:
    if len(shape) == 1:
        return f"{shape[0]} values"
    return f"{shape[0]} rows x {shape[1]} columns x {shape[2]} channels, channels innermost (NHWC)"


def _c_string(text: str) -> str:
    """A C string literal of UTF-8 bytes: all but plain ASCII in octal, so that no escape runs on."""
    plain = (
        chr(byte) if 0x20 <= byte < 0x7F and chr(byte) not in '"\\?' else f"\\{byte:03o}" for byte in text.encode()
    )
    return '"' + "".join(plain) + '"'


def _headers(sources: Iterable[str]) -> list[str]:
    """The kernels' headers that C files include, and all that these include, each once."""
    found: dict[str, None] = {}
    waiting = [header for source in sources for header in re.findall(r'"kernels/([^"]+)"', source)]
    while waiting:
        header = waiting.pop()
        if header not in found:
            found[header] = None
            text = (KERNELS / header).read_text(encoding="utf-8")
            waiting += re.findall(r'^\s*#\s*include\s+"([^"]+)"', text, re.MULTILINE)
    return sorted(found)


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,62}", name):
        raise UserError(f"name '{name}' is no C identifier: begin with a letter, then letters, digits or _, 63 at most")
    if name.lower() in _TAKEN:
        raise UserError(f"name '{name}' would hide the file {name}.h or {name}.c of others: choose another with --name")


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters["c_string"] = _c_string
    return environment


def _template(name: str) -> jinja2.Template:
    return _environment().get_template(name)
