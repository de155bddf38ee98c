// The same memory is laid out in the same segments, however wizer cut it.

import assert from 'node:assert';
import test from 'node:test';

import { dataSegments, layMemoryOut } from '../build/module.mjs';

const SIZE = 0x30000;

const leb = (value) => (value < 128 ? [value] : [(value % 128) + 128, ...leb(Math.floor(value / 128))]);

/** A number as `i32.const` has it, which is signed. */
function signed(value) {
  const bytes = leb(value);
  if (bytes.at(-1) < 64) return bytes;
  return [...bytes.slice(0, -1), bytes.at(-1) + 128, 0];
}

/** A module that starts with `memory` at these ranges, [from, to]; what is outside of them is zero. */
function module(memory, ranges) {
  const segments = ranges.flatMap(([from, to]) => [
    0, 0x41, ...signed(from), 0x0b, ...leb(to - from), ...memory.subarray(from, to),
  ]);
  const data = [...leb(ranges.length), ...segments];
  const count = leb(ranges.length);
  const type = [0x60, 0, 0];
  return Buffer.from([
    0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    1, ...leb(type.length + 1), 1, ...type,
    5, 3, 1, 0, 3,
    12, ...leb(count.length), ...count,
    11, ...leb(data.length), ...data,
  ]);
}

function memoryOf(wasm) {
  const memory = Buffer.alloc(SIZE);
  for (const { address, bytes } of dataSegments(wasm)) bytes.copy(memory, address);
  return memory;
}

const memory = Buffer.alloc(SIZE);
for (const [from, to] of [[0x10, 0x21], [0x60, 0x61], [0xa1, 0xb0], [0xf0, 0x140], [0x2fff0, SIZE]]) {
  memory.fill(7, from, to);
}

test('the cuts of two builds give one layout, with the memory as it was', async () => {
  const whole = layMemoryOut(module(memory, [[0, SIZE]]));
  const cut = layMemoryOut(module(memory, [[0x2fff0, SIZE], [0x10, 0x40], [0x60, 0xb0], [0xf0, 0x100], [0x100, 0x148]]));
  assert.deepEqual(whole, cut);
  assert.deepEqual(memoryOf(whole), memory);
  assert.equal(await WebAssembly.validate(whole), true);
});

test('64 zeros begin a new segment, 63 do not', () => {
  const layout = dataSegments(layMemoryOut(module(memory, [[0, SIZE]]))).map(({ address, bytes }) => [address, bytes.length]);
  assert.deepEqual(layout, [[0x10, 0x51], [0xa1, 0xf], [0xf0, 0x50], [0x2fff0, 0x10]]);
});

test('segments that overlap are refused', () => {
  assert.throws(() => layMemoryOut(module(memory, [[0, 0x20], [0x10, 0x40]])), /overlap/);
});
