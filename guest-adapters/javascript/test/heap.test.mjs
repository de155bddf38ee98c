// The heap that runs start from has no holes left.

import assert from 'node:assert';
import test from 'node:test';

import { sealHeap } from '../build/heap.mjs';

const STATE = 0x400;
const BASE = 0x800;
const SIZE = 0x1000;
const FIRST = BASE + 8;

/** The memory of a program whose heap has these chunks, [size, whether it is in use], before its top. */
function memory(chunks) {
  const bytes = new DataView(new ArrayBuffer(BASE + SIZE));
  const put = (address, value) => bytes.setUint32(address, value, true);
  let at = FIRST;
  let before = 1;
  for (const [size, used] of chunks) {
    put(at + 4, size | (used ? 2 : 0) | before);
    before = used ? 1 : 0;
    at += size;
  }
  put(at + 4, 0x200 | before);
  const fields = [0b110, 0b1, 32, 0x200, BASE, FIRST, at];
  fields.forEach((value, i) => put(STATE + 4 * i, value));
  for (let bin = STATE + 40; bin < STATE + 40 + 8 * 32; bin += 8) {
    put(bin + 8, bin);
    put(bin + 12, bin);
  }
  put(STATE + 448, BASE);
  put(STATE + 452, SIZE);
  return new Uint8Array(bytes.buffer);
}

const leb = (value) => (value < 128 ? [value] : [(value % 128) + 128, ...leb(Math.floor(value / 128))]);

/** A module that starts with this memory, in two segments. */
function module(bytes) {
  const segments = [[BASE, bytes.subarray(BASE)], [0, bytes.subarray(0, BASE)]].map(([address, part]) =>
    Buffer.from([0, 0x41, ...leb(address), 0x0b, ...leb(part.length), ...part]),
  );
  const section = Buffer.concat([Buffer.from(leb(segments.length)), ...segments]);
  return Buffer.concat([Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 11, ...leb(section.length)]), section]);
}

/** What the module's memory is, by the part of the module that `module` put there. */
function memoryOf(wasm) {
  const rest = wasm.subarray(wasm.length - BASE);
  const end = wasm.length - BASE - (1 + 1 + leb(0).length + 1 + leb(BASE).length);
  return new DataView(new Uint8Array(Buffer.concat([rest, wasm.subarray(end - SIZE, end)])).buffer);
}

test('free chunks become chunks in use, and the allocator forgets them', () => {
  const before = memory([[32, true], [48, false], [64, true], [4096 - 1024, false]]);
  const after = memoryOf(sealHeap(module(before)));
  const heads = [];
  for (let at = FIRST; at < BASE + SIZE && heads.length < 5; at += after.getUint32(at + 4, true) & ~7) {
    heads.push(after.getUint32(at + 4, true));
  }
  assert.deepStrictEqual(heads, [32 | 3, 48 | 3, 64 | 3, 3072 | 3, 0x200 | 1]);
  const state = [0, 4, 8, 12, 16, 20, 24].map((field) => after.getUint32(STATE + field, true));
  assert.deepStrictEqual(state, [0, 0, 0, 0x200, BASE, 0, FIRST + 32 + 48 + 64 + 3072]);
});

test('a heap that is not one row of chunks is refused', () => {
  const broken = memory([[32, true], [48, false]]);
  new DataView(broken.buffer).setUint32(FIRST + 32 + 4, 8, true);
  assert.throws(() => sealHeap(module(broken)), /not one row of chunks/);
});

test('a memory without such an allocator is refused', () => {
  assert.throws(() => sealHeap(module(new Uint8Array(BASE + SIZE))), /0 places look like/);
});
