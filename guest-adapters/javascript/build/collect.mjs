// Has the engine collect garbage in code that does not wait.
//
// SpiderMonkey asks for a collection of all garbage by an interrupt, and its interpreter looks for
// interrupts where loops turn and functions begin. Compiled for WASI it does not
// (`PortableBaselineInterpret.cpp`: there are no other threads that could interrupt it). So a loop that
// allocates long texts or buffers would go on until there is no memory left.
//
// Besides, what new objects hold elsewhere may be eight times what there is room for beside them, 128 MiB, before
// they are looked at: `Nursery::addMallocedBufferBytes`, which is in many functions. Here it is as much as that room.
//
// Two functions are changed, both where the engine allows itself a collection of all garbage anyway:
//
// - `CellAllocator::RetryNurseryAlloc<CanGC>`, which runs when no new object fits beside the others,
//   collects the new objects, and then all garbage if that was asked for.
// - `GCRuntime::triggerZoneGC` asks for it; now it also says that there is no room for new objects, as
//   `Nursery::requestMinorGC` does, so that the next new object gets there.

import { leb, unsigned } from './module.mjs';

// How the functions of the one version that is known look (componentize-js 0.23.0), in hexadecimal.
const LOOKS = {
  // `gc.minorGC(reason, 60)`: the call, whose index follows.
  collectsNew: ['200028026c41b0076a2007413c10', '200141044f'],
  // `if (cx->interruptBits & MajorGC) gc.gcIfRequested()`.
  collectsAll: ['20002d00e8094102710440200028026c41b0076a10', '0b'],
  // Of `triggerZoneGC`: the used bytes and the threshold go into the statistics.
  trigger: '2003ad2004ad422086843703c00f',
  // The beginning of `requestMinorGC(NURSERY_MALLOC_BUFFERS)`.
  requestMinor: '01047f0240024020002802900122022802002802ec074103460d0020002802cc0141e300470d00',
};

// `mallocedBufferBytes > capacity() * 8`: the load of the capacity, by the nursery and by the runtime, and the shift.
const HELD = ['28029401410374', '2802ec2b410374'].map((text) => Buffer.from(text, 'hex'));
const HELD_COUNT = 40;

// Where the nursery is in `GCRuntime`.
const NURSERY = 4520;

const I32 = 0x7f;

/** The engine, before anything is added to it. */
export function collectInLoops(wasm) {
  const module = read(wasm);
  const retry = only(module, (text) => text.includes(LOOKS.collectsNew[0]), 'retries the allocation');
  const minor = callee(retry.text, ...LOOKS.collectsNew);
  const allocates = module.bodies.filter(({ text }) => text.includes(LOOKS.collectsAll[0]));
  const majors = new Set(allocates.map(({ text }) => callee(text, ...LOOKS.collectsAll).index));
  if (majors.size !== 1) throw new Error('the engine collects garbage on request in another way');
  const [major] = majors;
  const trigger = only(module, (text) => text.includes(LOOKS.trigger), 'asks for a collection');
  const request = only(module, (text) => text.startsWith(LOOKS.requestMinor), 'asks for a collection of new objects');
  expect(module, minor.index, [I32, I32, I32]);
  expect(module, major, [I32]);
  expect(module, trigger.index, [I32, I32, I32, I32, I32]);
  expect(module, request.index, [I32]);

  const original = module.types.length + module.imports;
  const both = original + 1;
  const bytes = Buffer.from(retry.text, 'hex');
  if (leb(both).length !== minor.length) throw new Error('the index of a function takes more room');
  leb(both).copy(bytes, minor.at);
  module.bodies[retry.place] = { bytes };
  module.bodies[trigger.place] = {
    // triggerZoneGC(..); requestMinorGC(&gc->nursery);
    bytes: code([...gets(5), 0x10, ...leb(original), 0x20, 0, 0x41, ...leb(NURSERY), 0x6a, 0x10, ...leb(request.index)]),
  };
  module.bodies.push({ bytes: Buffer.from(trigger.text, 'hex') });
  // minorGC(..); gcIfRequested();
  module.bodies.push({ bytes: code([...gets(3), 0x10, ...leb(minor.index), 0x20, 0, 0x10, ...leb(major)]) });
  module.types.push(typeOf(module, trigger.index), typeOf(module, minor.index));
  holdLess(module);
  return written(wasm, module);
}

/** Makes the factor 8 a 1. */
function holdLess(module) {
  let count = 0;
  for (const body of module.bodies) {
    for (const looks of HELD) {
      for (let at = body.bytes.indexOf(looks); at >= 0; at = body.bytes.indexOf(looks, at + 1)) {
        body.bytes = Buffer.from(body.bytes);
        body.bytes[at + looks.length - 2] = 0;
        count++;
      }
    }
  }
  if (count !== HELD_COUNT) throw new Error(`the engine looks in ${count} places at what new objects hold`);
}

function gets(count) {
  return Array.from({ length: count }, (_, i) => [0x20, i]).flat();
}

/** A body without locals of its own. */
function code(instructions) {
  return Buffer.from([0, ...instructions, 0x0b]);
}

function only(module, looks, what) {
  const found = module.bodies.flatMap(({ text }, place) => (looks(text) ? [{ text, place, index: place + module.imports }] : []));
  if (found.length !== 1) throw new Error(`${found.length} functions look like the one that ${what}`);
  return found[0];
}

/** The function that is called between two texts; where its index stands in the bytes. */
function callee(text, before, after) {
  const at = (text.indexOf(before) + before.length) / 2;
  const [index, end] = unsigned(Buffer.from(text, 'hex'), at);
  if (!text.slice(end * 2).startsWith(after)) throw new Error('a call in the engine looks different');
  return { index, at, length: end - at };
}

function typeOf(module, index) {
  return module.types[index - module.imports];
}

/** The function takes these, and answers nothing. */
function expect(module, index, params) {
  const wanted = Buffer.from([0x60, params.length, ...params, 0]).toString('hex');
  if (module.signatures[typeOf(module, index)] !== wanted) throw new Error(`the function ${index} of the engine is another`);
}

function read(wasm) {
  const module = { imports: 0, signatures: [], types: [], bodies: [] };
  for (let at = 8; at < wasm.length; ) {
    const [size, body] = unsigned(wasm, at + 1);
    let [count, next] = unsigned(wasm, body);
    if (wasm[at] === 1) {
      for (; count > 0; count--) {
        const start = next;
        for (let list = 0, length; list < 2; list++) {
          [length, next] = unsigned(wasm, list === 0 ? next + 1 : next);
          next += length;
        }
        module.signatures.push(wasm.subarray(start, next).toString('hex'));
      }
    } else if (wasm[at] === 2) {
      module.imports = count;
    } else if (wasm[at] === 3) {
      for (let type; count > 0; count--) {
        [type, next] = unsigned(wasm, next);
        module.types.push(type);
      }
    } else if (wasm[at] === 10) {
      for (let length; count > 0; count--) {
        [length, next] = unsigned(wasm, next);
        const bytes = wasm.subarray(next, next + length);
        module.bodies.push({ bytes, text: length < 4000 ? bytes.toString('hex') : '' });
        next += length;
      }
    }
    at = body + size;
  }
  return module;
}

function written(wasm, { types, bodies }) {
  const changed = {
    3: Buffer.concat([leb(types.length), ...types.map(leb)]),
    10: Buffer.concat([leb(bodies.length), ...bodies.flatMap(({ bytes }) => [leb(bytes.length), bytes])]),
  };
  const kept = [wasm.subarray(0, 8)];
  for (let at = 8; at < wasm.length; ) {
    const [size, body] = unsigned(wasm, at + 1);
    const section = changed[wasm[at]] ?? wasm.subarray(body, body + size);
    kept.push(wasm.subarray(at, at + 1), leb(section.length), section);
    at = body + size;
  }
  return Buffer.concat(kept);
}
