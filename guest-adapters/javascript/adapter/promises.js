// Promises inside values: their answers are awaited, and never written as `{}`.
//
// A value is written in one pass. Where a promise stands, a hole is left; when all promises have
// settled, what they answered is written into the holes, which may have holes of its own.

import {
  TheMap,
  ThePromise,
  TheProxy,
  TheTypeError,
  add,
  create,
  defineProperty,
  join,
  mapClear,
  mapGet,
  mapSet,
  mapSize,
  plainArray,
  setPrototypeOf,
} from './primordials.js';

/** Promises that answer promises: a value that has more of them inside each other has no end. */
const DEEPEST = 1000;

/** The holes of the value that is being written; undefined for what must be written at once. */
let holes;

/** What writes one value: see `values.js`. */
let writeItem;

export function install(write) {
  writeItem = write;
}

/** How many holes there are. */
export function count() {
  return holes === undefined ? 0 : holes.length;
}

/** Forgets the holes of a part that is written in another way. */
export function keepHoles(length) {
  if (holes !== undefined) holes.length = length;
}

/** Leaves a hole for what a promise answers; false where nothing can be awaited. */
export function hole(promise, inside, out) {
  if (holes === undefined) return false;
  const around = plainArray();
  for (let i = 0; i < inside.length; i++) add(around, inside[i]);
  add(holes, { __proto__: null, promise, around, out, at: out.length, part: undefined, answer: undefined });
  add(out, '');
  return true;
}

/** Why arguments with a promise are refused. */
export function notAwaited() {
  return new TheTypeError('an argument is, or holds, a promise: write `await` in front of it, or `await Promise.all(..)` around a list of them');
}

/**
 * Calls `done` when `write` has written a value whole: at once if there is no promise in it. Calls
 * `failed` with the error of the first promise that is rejected.
 */
export function whole(write, done, failed) {
  const found = holesOf(write);
  if (found.length === 0) done();
  else filled(found, done, failed);
}

function holesOf(write) {
  holes = plainArray();
  try {
    write();
    return holes;
  } finally {
    holes = undefined;
  }
}

async function filled(first, done, failed) {
  try {
    const all = plainArray();
    let found = first;
    for (let depth = 0; found.length > 0; depth++) {
      if (depth > DEEPEST) throw new TheTypeError(`the value has promises inside promises, more than ${DEEPEST} of them`);
      await settled(found);
      const filling = found;
      found = holesOf(() => {
        for (let i = 0; i < filling.length; i++) {
          const { answer, around } = filling[i];
          filling[i].part = plainArray();
          writeItem(answer, around, false, filling[i].part);
          add(all, filling[i]);
        }
      });
    }
    // What is inside comes first.
    for (let i = all.length - 1; i >= 0; i--) all[i].out[all[i].at] = join(all[i].part, '');
    done();
  } catch (error) {
    failed(error);
  }
}

/** When all have settled; rejected by the first that is. */
function settled(found) {
  let left = found.length;
  return new ThePromise((resolve, reject) => {
    for (let i = 0; i < found.length; i++) {
      settle(found[i], reject, () => {
        if (--left === 0) resolve();
      });
    }
  });
}

async function settle(one, reject, done) {
  try {
    one.answer = await one.promise;
  } catch (error) {
    reject(error);
    return;
  }
  done();
}

/** What a promise has; it must be found without asking the guard, since each `await` looks for it. */
const MEMBERS = ['constructor', 'then', 'catch', 'finally', Symbol.toStringTag];

/** Symbols that operators look for: `promise + 1`, `for (x of promise)`. */
const OPERATORS = [Symbol.toPrimitive, Symbol.iterator, Symbol.asyncIterator];

/** By tool, what `guarded` gives its promises. */
const prototypes = new TheMap();
const MOST = 1000;

/** The promise of a tool's answer; a member of the answer that is read of it is an error. */
export function guarded(promise, tool) {
  let prototype = mapGet(prototypes, tool);
  if (prototype === undefined) {
    if (mapSize(prototypes) >= MOST) mapClear(prototypes);
    prototype = prototypeFor(tool);
    mapSet(prototypes, tool, prototype);
  }
  // `{...promise}` and `Object.assign({}, promise)` read own members only, and would find none.
  defineProperty(promise, NOT_AWAITED, prototype[NOT_AWAITED]);
  return setPrototypeOf(promise, prototype);
}

/** The own member of a promise of an answer: reading it is an error. */
const NOT_AWAITED = 'not awaited';

/**
 * The prototype of promises of a tool's answer. A member that promises have not is one of the
 * answer: a script that forgot to await it would go on with `undefined`.
 */
function prototypeFor(tool) {
  const check = (target, name) => {
    if (name in target || (typeof name === 'symbol' && !isOperator(name))) return;
    const what = typeof name === 'symbol' ? '' : ` to read \`${name}\``;
    throw new TheTypeError(`the call of \`${tool}\` answers a promise: write \`await\` in front of it${what}`);
  };
  const guard = new TheProxy(create(ThePromise.prototype), {
    __proto__: null,
    get(target, name) {
      check(target, name);
      return target[name];
    },
    has(target, name) {
      check(target, name);
      return name in target;
    },
  });
  const prototype = create(guard);
  for (let i = 0; i < MEMBERS.length; i++) {
    const value = ThePromise.prototype[MEMBERS[i]];
    defineProperty(prototype, MEMBERS[i], { __proto__: null, value, writable: true, enumerable: false, configurable: true });
  }
  const get = () => {
    throw new TheTypeError(`the call of \`${tool}\` answers a promise: write \`await\` in front of it`);
  };
  const value = { __proto__: null, get, enumerable: true, configurable: true };
  defineProperty(prototype, NOT_AWAITED, { __proto__: null, value });
  return prototype;
}

function isOperator(name) {
  for (let i = 0; i < OPERATORS.length; i++) if (OPERATORS[i] === name) return true;
  return false;
}
