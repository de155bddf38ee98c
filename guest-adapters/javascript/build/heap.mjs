// The heap of C in the memory that runs start from: dlmalloc's, as wasi-libc has it.

import { dataSegments } from './module.mjs';

// Of `struct malloc_state`, in bytes from its start, where pointers have 32 bits.
const SMALL_MAP = 0;
const TREE_MAP = 4;
const VICTIM_SIZE = 8;
const TOP_SIZE = 12;
const LEAST_ADDRESS = 16;
const VICTIM = 20;
const TOP = 24;
const BINS = 40;
const SEGMENT = BINS + 66 * 4 + 32 * 4 + 16;

// Of a chunk: where its head stands, and the flags in the lowest byte of the head.
const HEAD = 4;
const PREVIOUS_IN_USE = 1;
const IN_USE = 2;
const FLAGS = 7;

const SMALLEST = 16;

/**
 * Takes all free pieces of the heap away from the allocator, for good, but for the one at its end.
 *
 * A run would write its objects into holes all over the memory, and each page that it writes first
 * is copied for it. From the end they come side by side. The pieces are marked as in use, and the
 * lists of free pieces as empty; the image must be one that no code of the guest is running in.
 */
export function sealHeap(wasm) {
  const changed = Buffer.from(wasm);
  const memory = new Memory(changed);
  const state = allocator(memory);
  const top = memory.word(state + TOP);
  for (let chunk = first(memory.word(state + SEGMENT)); chunk !== top; ) {
    const head = memory.word(chunk + HEAD);
    const next = chunk + (head & ~FLAGS);
    if (next < chunk + SMALLEST || next > top) throw new Error('the heap is not one row of chunks');
    memory.mark(chunk + HEAD, IN_USE);
    memory.mark(next + HEAD, PREVIOUS_IN_USE);
    chunk = next;
  }
  for (const field of [SMALL_MAP, TREE_MAP, VICTIM_SIZE, VICTIM]) memory.clear(state + field);
  return changed;
}

/** The address of the allocator's state: the one place that looks like it in all respects. */
function allocator(memory) {
  const found = [];
  for (const { address, bytes } of memory.segments) {
    for (let at = (address + 3) & ~3; at + 4 <= address + bytes.length; at += 4) {
      // The two first bins are never used: each is a ring of itself.
      const bin = at - 8;
      const isRing = (one) => memory.word(one + 8) === one && memory.word(one + 12) === one;
      if (bin > BINS && isRing(bin) && isRing(bin + 8) && isState(memory, bin - BINS)) found.push(bin - BINS);
    }
  }
  if (found.length !== 1) throw new Error(`${found.length} places look like the allocator's state, not 1`);
  return found[0];
}

function isState(memory, at) {
  const [base, size] = [memory.word(at + SEGMENT), memory.word(at + SEGMENT + 4)];
  const top = memory.word(at + TOP);
  return (
    base > 0 && memory.word(at + LEAST_ADDRESS) === base && top > base && top + memory.word(at + TOP_SIZE) <= base + size
  );
}

/** The first chunk of a segment: what it holds is aligned to 16 bytes. */
function first(base) {
  return ((base + 8 + 15) & ~15) - 8;
}

/** The memory that a module starts with; what no segment covers is zero. */
class Memory {
  constructor(wasm) {
    this.segments = dataSegments(wasm)
      .filter(({ bytes }) => bytes.length > 0)
      .sort((a, b) => a.address - b.address);
  }

  #segment(address) {
    let [low, high] = [0, this.segments.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.segments[middle].address <= address) low = middle + 1;
      else high = middle;
    }
    const segment = this.segments[low - 1];
    return segment && address < segment.address + segment.bytes.length ? segment : undefined;
  }

  #byte(address) {
    const segment = this.#segment(address);
    return segment ? segment.bytes[address - segment.address] : 0;
  }

  word(address) {
    let value = 0;
    for (let i = 3; i >= 0; i--) value = value * 256 + this.#byte(address + i);
    return value;
  }

  mark(address, flag) {
    const segment = this.#segment(address);
    if (!segment) throw new Error('the head of a chunk is missing from the image');
    segment.bytes[address - segment.address] |= flag;
  }

  clear(address) {
    for (let i = 0; i < 4; i++) {
      const segment = this.#segment(address + i);
      if (segment) segment.bytes[address + i - segment.address] = 0;
    }
  }
}
