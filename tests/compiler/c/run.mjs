// Runs a network compiled to WebAssembly once: node run.mjs MODULE INPUT OUTPUT ARENA_BYTES OUTPUT_BYTES
import fs from "fs";

const [file, input, output, arena, size] = process.argv.slice(2);
const { instance } = await WebAssembly.instantiate(fs.readFileSync(file));
const { memory, network_run, __heap_base } = instance.exports;
const pixels = fs.readFileSync(input);
const arenaAt = Math.ceil(__heap_base.value / 64) * 64;
const outputAt = arenaAt + Number(arena);
const inputAt = outputAt + Number(size);

memory.grow(Math.ceil((inputAt + pixels.length - arenaAt + 64) / 65536));
new Uint8Array(memory.buffer).set(pixels, inputAt);
if (network_run(inputAt, outputAt, arenaAt)) process.exit(3);
fs.writeFileSync(output, new Uint8Array(memory.buffer, outputAt, Number(size)));
