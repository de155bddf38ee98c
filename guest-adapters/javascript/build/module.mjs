// Small changes to a core WebAssembly module that need no tool chain.

/**
 * Makes the engine's own source of random numbers answer a constant, for good.
 *
 * It seeds hash tables while the engine starts, and stubWasi leaves a trap in its place:
 * what scripts get comes from elsewhere (`wasi:random`). The function is
 * `if (random_get(p, n)) unreachable`, and becomes `memory.fill(p, 0x5a, n)`.
 */
export function fixSeeds(wasm) {
  const call = [0x10, ...leb(importIndex(wasm, 'random_get'))];
  const before = Buffer.from([0x20, 0, 0x20, 1, ...call, 0x41, 0xff, 0xff, 3, 0x71, 4, 0x40, 0, 0x0b, 0x0b]);
  const fill = [0x20, 0, 0x41, 0xda, 0, 0x20, 1, 0xfc, 0x0b, 0, 0x0b];
  const after = Buffer.from([...Array(before.length - fill.length).fill(1), ...fill]);
  const at = wasm.indexOf(before);
  if (at < 0 || wasm.indexOf(before, at + 1) >= 0) throw new Error('the engine asks for its seeds in another way');
  const changed = Buffer.from(wasm);
  after.copy(changed, at);
  return changed;
}

function importIndex(wasm, wanted) {
  for (let at = 8; at < wasm.length; ) {
    const [size, body] = unsigned(wasm, at + 1);
    if (wasm[at] === 2) {
      let [count, next] = unsigned(wasm, body);
      for (let index = 0; index < count; index++) {
        const [name, after] = text(wasm, text(wasm, next)[1]);
        if (name === wanted) return index;
        next = after + description(wasm, after);
      }
    }
    at = body + size;
  }
  throw new Error(`the module does not import ${wanted}`);
}

/** `renames` is {import's name: [module's name, its new name]}; each of them must be there. */
export function renameImports(wasm, renames) {
  const left = new Set(Object.keys(renames));
  let at = 8;
  while (at < wasm.length) {
    const id = wasm[at];
    const [size, body] = unsigned(wasm, at + 1);
    if (id === 2) {
      const section = rewritten(wasm.subarray(body, body + size), renames, left);
      if (left.size) throw new Error(`the module does not import ${[...left].join(', ')}`);
      return Buffer.concat([wasm.subarray(0, at + 1), leb(section.length), section, wasm.subarray(body + size)]);
    }
    at = body + size;
  }
  throw new Error('the module imports nothing');
}

function rewritten(section, renames, left) {
  const parts = [];
  let [count, at] = unsigned(section, 0);
  parts.push(section.subarray(0, at));
  for (; count > 0; count--) {
    const [module, afterModule] = text(section, at);
    const [name, afterName] = text(section, afterModule);
    const end = afterName + description(section, afterName);
    const renamed = Object.hasOwn(renames, name) && renames[name][0] === module;
    left.delete(renamed ? name : '');
    if (renamed) {
      const bytes = Buffer.from(renames[name][1]);
      parts.push(leb(bytes.length), bytes, section.subarray(afterModule, end));
    } else {
      parts.push(section.subarray(at, end));
    }
    at = end;
  }
  return Buffer.concat(parts);
}

/** How many bytes the description of an import takes: functions only, as the engine has no others. */
function description(section, at) {
  if (section[at] !== 0) throw new Error('the module imports something else than functions');
  return unsigned(section, at + 1)[1] - at;
}

/**
 * Makes the engine's loader of modules refuse, now that the adapter's are loaded.
 *
 * `import()` in code that the host did not transform (`eval`, `Function`) would end the
 * engine: the loader expects that every script came from a file. The function's first
 * five bytes of code (`global.get 0`, `i32.const 432`) become `return 0`.
 */
export function withoutModuleLoader(wasm) {
  const before = Buffer.from('02117f017e230041b0036b2206240020022802004110', 'hex');
  const at = wasm.indexOf(before);
  if (at < 0 || wasm.indexOf(before, at + 1) >= 0) throw new Error('the engine loads modules in another way');
  const changed = Buffer.from(wasm);
  Buffer.from([0x41, 0, 0x0f, 1, 1]).copy(changed, at + 5);
  return changed;
}

/**
 * Clears what the engine remembers of the last file it loaded: its inode and its times,
 * which differ from build to build. `seconds` and `nanoseconds` are when every file was
 * changed; they stand in a `struct stat` of wasi-libc, 88 bytes from its start.
 */
export function clearFileStatus(wasm, seconds, nanoseconds) {
  const changed = Buffer.from(wasm);
  const wanted = Buffer.alloc(12);
  wanted.writeBigInt64LE(BigInt(seconds), 0);
  wanted.writeInt32LE(nanoseconds, 8);
  const segments = dataSegments(changed);
  const found = segments.flatMap(({ address, bytes }) => {
    const at = bytes.indexOf(wanted);
    return at < 0 ? [] : [address + at - 88];
  });
  if (found.length !== 1) throw new Error(`the engine keeps ${found.length} files' status in memory, not 1`);
  for (const [from, to] of [[8, 16], [72, 120]]) {
    for (const { address, bytes } of segments) {
      const start = found[0] - address;
      bytes.subarray(Math.max(start + from, 0), Math.max(start + to, 0)).fill(0);
    }
  }
  return changed;
}

// As many zeros cost more in a segment than a new segment does.
const GAP = 64;

/**
 * Lays the initial memory out in segments anew, as nothing but its bytes decides.
 *
 * Wizer makes 10,000 segments at most. Which neighbours it joins to get there depends on how
 * its threads took turns, so two builds of the same memory differed.
 */
export function layMemoryOut(wasm) {
  const segments = parts(joined(dataSegments(wasm)));
  const data = [leb(segments.length)];
  for (const { address, bytes } of segments) {
    data.push(Buffer.from([0, 0x41]), signedLeb(address), Buffer.from([0x0b]), leb(bytes.length), bytes);
  }
  const changed = { 11: Buffer.concat(data), 12: leb(segments.length) };
  const kept = [wasm.subarray(0, 8)];
  for (let at = 8; at < wasm.length; ) {
    const [size, body] = unsigned(wasm, at + 1);
    const section = changed[wasm[at]] ?? wasm.subarray(body, body + size);
    kept.push(wasm.subarray(at, at + 1), leb(section.length), section);
    at = body + size;
  }
  return Buffer.concat(kept);
}

/** Segments less than `GAP` bytes apart as one, by address. */
function joined(segments) {
  const rows = [];
  for (const { address, bytes } of segments.toSorted((a, b) => a.address - b.address)) {
    const last = rows.at(-1);
    if (last && address < last.end) throw new Error('two data segments overlap');
    if (last && address - last.end < GAP) {
      last.bytes.push(Buffer.alloc(address - last.end), bytes);
      last.end = address + bytes.length;
    } else {
      rows.push({ address, bytes: [bytes], end: address + bytes.length });
    }
  }
  return rows.map(({ address, bytes }) => ({ address, bytes: Buffer.concat(bytes) }));
}

/** What is left of segments without their rows of `GAP` zeros and more, and without zeros at their ends. */
function parts(segments) {
  const found = [];
  for (const { address, bytes } of segments) {
    let [start, end] = [-1, 0];
    for (let at = 0; at < bytes.length; at++) {
      if (bytes[at] === 0) continue;
      if (start >= 0 && at - end >= GAP) {
        found.push({ address: address + start, bytes: bytes.subarray(start, end) });
        start = -1;
      }
      if (start < 0) start = at;
      end = at + 1;
    }
    if (start >= 0) found.push({ address: address + start, bytes: bytes.subarray(start, end) });
  }
  return found;
}

/** The initial memory: where each segment goes, and its bytes as a part of `wasm`. */
export function dataSegments(wasm) {
  const segments = [];
  for (let at = 8; at < wasm.length; ) {
    const [size, body] = unsigned(wasm, at + 1);
    if (wasm[at] === 11) {
      let [count, next] = unsigned(wasm, body);
      for (; count > 0; count--) {
        // Kind 0, `i32.const address`, `end`, the bytes.
        if (wasm[next] !== 0 || wasm[next + 1] !== 0x41) throw new Error('a data segment without a fixed address');
        const [address, end] = unsigned(wasm, next + 2);
        const [length, start] = unsigned(wasm, end + 1);
        segments.push({ address, bytes: wasm.subarray(start, start + length) });
        next = start + length;
      }
    }
    at = body + size;
  }
  return segments;
}

function text(bytes, at) {
  const [length, start] = unsigned(bytes, at);
  return [bytes.subarray(start, start + length).toString(), start + length];
}

export function unsigned(bytes, at) {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    value += (byte & 127) * 2 ** shift;
    if (byte < 128) return [value, at];
  }
}

/** `value` as `i32.const` has it: the highest bit that is written is its sign. */
function signedLeb(value) {
  const bytes = leb(value);
  if (!(bytes.at(-1) & 64)) return bytes;
  bytes[bytes.length - 1] |= 128;
  return Buffer.concat([bytes, Buffer.from([0])]);
}

export function leb(value) {
  const bytes = [];
  do {
    bytes.push((value % 128) + (value >= 128 ? 128 : 0));
    value = Math.floor(value / 128);
  } while (value > 0);
  return Buffer.from(bytes);
}
