// Between the engine's core imports and exports and the adapter: what the splicer of
// componentize-js would generate, written by hand. It runs once, at the build, in a realm
// of its own; `adapter/seam.js` takes what it leaves in `$wxmcp`.
//
// Who owns memory (componentize-js 0.23.0; `cabi_realloc`, `call` and `post_call` of its
// embedding were read as code, since its sources do not show them):
//
// - `$realloc(0, 0, 1, n)` is malloc, `$dealloc(p, n, 1)` is free. Nothing keeps a list of
//   what was allocated; after an export, `post_call` frees only the export's own block of
//   parameters. So whatever is allocated to lower an argument is still ours when the import
//   has returned, and ours to free: the generated bindings never do.
// - An argument of an export, and lists in the result of an import, were allocated by the
//   host with `cabi_realloc`; they are ours to free, and so is the block that an import
//   with a large result answers in.
// - Numbers go to `$realloc` and to imports unchecked: it reads the low half of a value
//   that is no int32, which for a double such as `Math.max(n, 65536)` answers is 0; the
//   answer then is address 0, and what is written there ruins the C stack. Every number
//   that leaves here has been through `| 0`.
//
// Addresses of 2 GiB and more are negative numbers here: `>>> 0` before they are used.

const [$memory, $realloc, $dealloc, ...$imports] = $bindings;
delete globalThis.$bindings;

const content = contentGlobal;
const ContentUint8Array = content.Uint8Array;
const encoder = new content.TextEncoder();
const decoder = new content.TextDecoder();
const encodeInto = encoder.encodeInto.bind(encoder);
const decode = decoder.decode.bind(decoder);
let later = content.setTimeout;

/** The core import of that name. */
function imported(name) {
  const at = $names.indexOf(name);
  if (at < 0) throw new Error(`the world does not import ${name}`);
  return $imports[at];
}

let submitCore = imported('wxmcp:guest/host@0.1.0 submit');
let cancelCore = imported('wxmcp:guest/host@0.1.0 cancel');
let emitCore = imported('wxmcp:guest/host@0.1.0 emit');
const programCore = imported('wxmcp:guest/programs@0.1.0 program');
const knownCore = imported('wxmcp:guest/names@0.1.0 known');

// Places in the engine's static data, read from its code (componentize-js 0.23.0). What is
// found there is checked at the build, by `handleOn` and `bindExports`.
const AT = {
  // The array buffer over all memory: what `$memory.buffer` answers.
  buffer: 2384868,
  // The Set of promises that were rejected and that nothing handles.
  rejected: 2391292,
  // Begin and end of the vector of the event loop's own tasks.
  tasks: 2391344,
  // The context; the runtime is 108 bytes in; in it, how many bytes of objects it allows.
  context: 2384796,
  runtime: 108,
  heapLimit: 3264,
  // Of the runtime: the engine's settings for collecting garbage (`GCSchedulingTunables`), and the zones.
  nursery: 3272,
  heapBase: 3276,
  growthInARow: 3320,
  mallocBase: 3336,
  lastDitchPeriod: 3384,
  zones: [972, 988, 992],
  // Of the context: options (1 << 8: the stack where a promise is made or settled is noted; 1 << 9: in chosen realms
  // only), and its realm; of a realm: whether it is chosen.
  options: 112,
  realm: 88,
  isChosen: 761,
  // Of a promise, and of each object: its first slot and its second, which say how it is, and what it answered.
  state: 16,
  answer: 24,
  // Of a zone: when the next collection begins, for the bytes of objects and for what they hold elsewhere.
  nextByObjects: 36,
  nextByMalloc: 60,
};

/** Most bytes of output in one message. */
const PIECE = 1 << 20;

/** A text up to this many units is given room for the worst case at once. */
const SHORT = 16384;

/** All memory; made anew once it has grown. */
let bytes = new Uint8Array($memory.buffer);
let words = new Uint32Array(bytes.buffer);

/** Has the views reach to an address: the engine lets go of a buffer when it makes another, and its views then have no length. */
function reach(end) {
  if (end <= bytes.length) return;
  bytes = new Uint8Array($memory.buffer);
  words = new Uint32Array(bytes.buffer);
}

let written = 0;

/**
 * Encodes a text into memory of its own; its length is then in `written`.
 * Lone surrogates become U+FFFD.
 */
function lowered(text) {
  const length = text.length;
  let room = length <= SHORT ? length * 3 : length;
  let at = $realloc(0, 0, 1, room | 0) >>> 0;
  let told = encodeInto(text, new Uint8Array($memory.buffer, at, room));
  written = told.written;
  let read = told.read;
  while (read < length) {
    const more = written + (length - read) * 3;
    at = $realloc(at | 0, room | 0, 1, more | 0) >>> 0;
    room = more;
    told = encodeInto(text.slice(read), new Uint8Array($memory.buffer, at + written, room - written));
    written += told.written;
    read += told.read;
  }
  return at;
}

function release(at) {
  if (at !== 0) $dealloc(at | 0, 1, 1);
}

function submit(operation, text) {
  const at = lowered(text);
  const id = submitCore(operation | 0, at | 0, written | 0);
  release(at);
  return Number(id);
}

function cancel(id) {
  cancelCore(BigInt(id));
}

function emit(kind, text) {
  const at = lowered(text);
  emitCore(kind | 0, at | 0, written | 0);
  release(at);
}

/** Has the host make a program of a module. */
function program(text) {
  return answered(programCore, text);
}

/** What the host knows of tools. */
function known(text) {
  return answered(knownCore, text);
}

function answered(core, text) {
  const at = lowered(text);
  const block = core(at | 0, written | 0) >>> 0;
  release(at);
  const view = new DataView($memory.buffer);
  const answer = view.getUint32(block, true);
  const told = textAt(answer, view.getUint32(block + 4, true));
  release(answer);
  release(block);
  return told;
}

/** Emits a text of any length, in pieces; no character is divided. */
function emitText(kind, text) {
  if (text.length * 3 <= PIECE) {
    if (text !== '') emit(kind, text);
    return;
  }
  const at = $realloc(0, 0, 1, PIECE) >>> 0;
  for (let from = 0; from < text.length; ) {
    const part = text.slice(from, from + PIECE);
    const told = encodeInto(part, new Uint8Array($memory.buffer, at, PIECE));
    let read = told.read;
    let bytes = told.written;
    // A pair of surrogates on the edge of the slice belongs to the next piece.
    if (read === PIECE && from + read < text.length && isFirstOfPair(text, from + read - 1)) {
      read -= 1;
      bytes -= 3;
    }
    emitCore(kind | 0, at | 0, bytes | 0);
    from += read;
  }
  release(at);
}

function isFirstOfPair(text, at) {
  const first = text.charCodeAt(at);
  const second = text.charCodeAt(at + 1);
  return first >= 0xd800 && first < 0xdc00 && second >= 0xdc00 && second < 0xe000;
}

function textAt(at, length) {
  return decode(new Uint8Array($memory.buffer, at, length));
}

/** Copies bytes into memory of their own. */
function loweredBytes(given) {
  const length = given.byteLength;
  const at = $realloc(0, 0, 1, length | 0) >>> 0;
  reach(at + length);
  bytes.set(given, at);
  return at;
}

/** A copy of bytes in memory, as an array of the scripts' realm. */
function bytesAt(at, length) {
  const copy = new ContentUint8Array(length);
  copy.set(new Uint8Array($memory.buffer, at, length));
  return copy;
}

/** For `adapter/wasi.js`, which lowers and lifts by itself. */
const core = {
  imported,
  lowered,
  loweredBytes,
  written: () => written,
  release,
  size: () => $memory.buffer.byteLength,
  /** All memory as words, at least up to an address. */
  words: (end) => {
    reach(end);
    return words;
  },
  textAt,
  bytesAt,
};

/**
 * Set by the adapter: `start(text)`; `deliver()` before some `complete(id, ok, text)`;
 * `nothing()`; and `drained()`, which answers whether it wants to be called again.
 * `warmAgain()` is for the build.
 */
const adapter = { start: null, deliver: null, complete: null, nothing: null, drained: null, warmAgain: null };

function export_start(at, length) {
  at >>>= 0;
  length >>>= 0;
  const text = textAt(at, length);
  release(at);
  adapter.start(text);
  return afterwards();
}

function export_deliver(at, length) {
  at >>>= 0;
  length >>>= 0;
  adapter.deliver();
  if (length === 0) {
    adapter.nothing();
    return afterwards();
  }
  const end = at + length;
  const view = new DataView($memory.buffer);
  for (let next = at; next < end; ) {
    const id = view.getUint32(next, true) + view.getUint32(next + 4, true) * 0x100000000;
    const ok = view.getUint8(next + 8);
    const size = view.getUint32(next + 9, true);
    adapter.complete(id, ok, textAt(next + 13, size));
    next += 13 + size;
  }
  release(at);
  return afterwards();
}

let leave = null;
const keepLeave = (resolve) => {
  leave = resolve;
};

/**
 * What an export answers: a promise that settles when nothing is left to run.
 *
 * The engine runs its own tasks only when it has no microtask left; a timer of its own
 * that is due at once is how we hear of that. (The build makes that timer free of calls
 * to the host: `preview1.wat`.) Streams of the engine are such tasks too.
 */
function afterwards() {
  const left = new Promise(keepLeave);
  later(whenDrained, 0);
  return left;
}

function whenDrained() {
  if (adapter.drained() || hasTasks()) later(whenDrained, 0);
  else leave();
}

function hasTasks() {
  const words = new Int32Array($memory.buffer, AT.tasks, 2);
  return words[0] !== words[1];
}

/** The object that a static place of the engine refers to. */
function handleOn(place) {
  const words = new Uint32Array($memory.buffer);
  const buffer = words[AT.buffer >> 2];
  words[AT.buffer >> 2] = words[place >> 2];
  const found = $memory.buffer;
  words[AT.buffer >> 2] = buffer;
  return found;
}

const unhandled = handleOn(AT.rejected);
Reflect.apply(Reflect.getOwnPropertyDescriptor(content.Set.prototype, 'size').get, unhandled, []); // throws if it is none

/** The engine allows itself 32 MiB of objects; here the host's memory limit is the only one. */
function withoutHeapLimit() {
  const words = new Uint32Array($memory.buffer);
  const runtime = words[(words[AT.context >> 2] + AT.runtime) >> 2];
  const limit = (runtime + AT.heapLimit) >> 2;
  if (words[limit] !== 32 << 20) throw new Error('the limit of the heap is elsewhere');
  words[limit] = 0xffffffff;
}

/**
 * Where promises of this realm are made and settled need not be noted: there is one for each call of the host, which
 * nobody is shown, and a stack writes to eight pages. Those of scripts, of another realm, keep theirs.
 */
function withoutStacks() {
  const words = new Uint32Array($memory.buffer);
  const context = words[AT.context >> 2];
  const own = words[(context + AT.realm) >> 2];
  // An object begins with its shape, that with what shapes have in common, whose second word is the realm.
  let place = AT.rejected;
  for (let i = 0; i < 3; i++) place = words[place >> 2];
  const realm = words[(place >> 2) + 1];
  const bytes = new Uint8Array($memory.buffer);
  const options = (context + AT.options) >> 2;
  const isNoted = (words[options] >> 8) & 3;
  if (isNoted !== 1 || realm === own || bytes[realm + AT.isChosen] !== 0 || bytes[own + AT.isChosen] !== 0) {
    throw new Error('whether stacks of promises are noted is elsewhere');
  }
  words[options] |= 1 << 9;
  bytes[realm + AT.isChosen] = 1;
}

/** The class of promises, and where in `unhandled` its property `seen` is: ours, by which it is known where an object is. */
let promiseClass;
let seen;

/**
 * How a promise is: 0, while it waits; 1, if it was rejected; 3, if it was fulfilled; and what with. Undefined for any other object.
 *
 * An object may move whenever memory is allocated, so nothing is between the line that says where it is and the last that reads it.
 */
function stateOf(promise) {
  reach(Infinity);
  unhandled.seen = promise;
  const place = (words[AT.rejected >> 2] + seen) >>> 2;
  const object = words[place] >>> 2;
  const isPromise = words[words[words[object] >>> 2] >>> 2] === promiseClass;
  const state = isPromise ? words[object + (AT.state >> 2)] & 3 : undefined;
  if (state === 0 || !isPromise) {
    unhandled.seen = undefined;
    return isPromise ? [state] : undefined;
  }
  words[place] = words[object + (AT.answer >> 2)];
  words[place + 1] = words[object + (AT.answer >> 2) + 1];
  const answer = unhandled.seen;
  unhandled.seen = undefined;
  return [state, answer];
}

/** Finds what `stateOf` needs. */
function findStates() {
  const MARK = 0x5eed17;
  unhandled.seen = MARK;
  reach(Infinity);
  const set = words[AT.rejected >> 2];
  const inside = words.subarray((set + AT.state) >> 2, (set + AT.state + 128) >> 2).indexOf(MARK) * 4;
  if (inside < 0) throw new Error('what the set of promises has is elsewhere');
  seen = AT.state + inside;
  unhandled.seen = new content.Promise(() => {});
  promiseClass = words[words[words[words[(set + seen) >> 2] >> 2] >> 2] >> 2];
  const told = [new content.Promise(() => {}), content.Promise.resolve('a'), new content.Promise((_, reject) => reject(1.5)), {}].map(stateOf);
  Reflect.apply(content.Set.prototype.clear, unhandled, []);
  if (JSON.stringify(told) !== '[[0],[3,"a"],[1,1.5],null]') throw new Error('what promises hold is elsewhere');
}

const MIB = 1 << 20;

/**
 * When garbage is collected. The engine's own settings are those of a browser: with them 250 to 350 MiB of
 * garbage could pile up, whatever the host's memory limit was.
 */
const GARBAGE = {
  /** Most bytes of new objects, before those that are still in use are moved elsewhere; was 64 MiB. */
  nursery: 16 * MIB,
  /** A collection begins when the bytes have grown to 1.5 times what was left by the last one, or of this; was 27 MiB. */
  heapBase: 12 * MIB,
  /** The same for what objects hold elsewhere: long texts, buffers; was 38 MiB. */
  mallocBase: 16 * MIB,
  /** How much they may grow when collections come fast; was 3. */
  growthInARow: 1.5,
};

/** Has garbage collected early enough for a memory of 128 MiB. */
function collectOften() {
  const words = new Uint32Array($memory.buffer);
  const numbers = new Float64Array($memory.buffer);
  const runtime = words[(words[AT.context >> 2] + AT.runtime) >> 2];
  const set = (place, before, after) => {
    const at = (runtime + place) >> 2;
    if (words[at] !== before) throw new Error('the settings for collecting garbage are elsewhere');
    words[at] = after;
  };
  set(AT.nursery, 64 * MIB, GARBAGE.nursery);
  set(AT.heapBase, 27 * MIB, GARBAGE.heapBase);
  set(AT.mallocBase, 38 * MIB, GARBAGE.mallocBase);
  const growth = (runtime + AT.growthInARow) >> 3;
  if (numbers[growth] !== 3) throw new Error('the growth of the heap is elsewhere');
  numbers[growth] = GARBAGE.growthInARow;
  // Nanoseconds, 64 bits: where memory is refused, the engine collects at most once a minute.
  set(AT.lastDitchPeriod, 60_000_000_000 % 2 ** 32, 0);
  set(AT.lastDitchPeriod + 4, Math.floor(60_000_000_000 / 2 ** 32), 0);
  // Each zone has worked out from these when its next collection begins.
  for (const place of AT.zones) {
    const zone = words[(runtime + place) >> 2];
    for (const [next, base] of [[AT.nextByObjects, GARBAGE.heapBase], [AT.nextByMalloc, GARBAGE.mallocBase]]) {
      const at = (zone + next) >> 2;
      // The second is where the engine no longer collects bit by bit: a nursery beyond the first, or more.
      const is = words[at] >= base && words[at + 1] >= words[at] + 64 * MIB;
      if (!is) throw new Error('the thresholds of a zone are elsewhere');
      words[at] = base * 1.5;
      words[at + 1] = base * 1.5 + GARBAGE.nursery;
    }
  }
}

/** For the warm-up: calls of the host go to functions, and exports are called like functions. */
function rehearse(host) {
  const kept = [submitCore, cancelCore, emitCore];
  submitCore = host.submit;
  cancelCore = host.cancel;
  emitCore = host.emit;
  return {
    start(text) {
      const native = later;
      later = () => 0;
      const at = lowered(text);
      export_start(at, written);
      later = native;
    },
    deliver(rows) {
      const size = rows.reduce((sum, row) => sum + 13 + row[2].length * 3, 0);
      const at = $realloc(0, 0, 1, size | 0) >>> 0;
      let next = at;
      for (const [id, ok, text] of rows) {
        const view = new DataView($memory.buffer);
        const told = encodeInto(text, new Uint8Array($memory.buffer, next + 13, text.length * 3));
        view.setUint32(next, id, true);
        view.setUint32(next + 4, 0, true);
        view.setUint8(next + 8, ok ? 1 : 0);
        view.setUint32(next + 9, told.written, true);
        next += 13 + told.written;
      }
      const native = later;
      later = () => 0;
      export_deliver(at, next - at);
      later = native;
    },
    drained: () => adapter.drained(),
    turn() {
      const native = later;
      later = () => 0;
      whenDrained();
      later = native;
    },
    end: () => {
      [submitCore, cancelCore, emitCore] = kept;
    },
  };
}

/** Why the bindings are not complete; the build finds this text in the memory, since the embedding drops errors. */
let failure;

/** Called by the embedding when the adapter's modules have been evaluated. */
function bindExports() {
  try {
    complete();
  } catch (error) {
    failure = Uint8Array.from(`${['wxmcp', 'bindings', 'failed'].join('-')}: ${error.message}\n`, (letter) => letter.charCodeAt(0));
  }
}

function complete() {
  for (const name of Object.keys(adapter)) {
    if (typeof adapter[name] !== 'function') throw new Error(`the adapter did not set ${name}`);
  }
  withoutHeapLimit();
  withoutStacks();
  collectOften();
  findStates();
  adapter.warmAgain();
}

content.$wxmcp = { adapter, submit, cancel, emit, emitText, known, program, unhandled, stateOf, rehearse, core };
