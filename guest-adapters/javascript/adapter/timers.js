// setTimeout and its family, over one timer of the host: armed for the earliest deadline.
//
// The engine's own timers would never fire: nobody waits inside the guest.

import { arm, disarm } from './seam.js';
import { TheMap, TheTypeError, apply, ceil, define, mapClear, mapDelete, mapGet, mapSet, now, setPrototypeOf } from './primordials.js';

const LONGEST = 2147483647;

/** Waiting timers as a binary heap by (deadline, number). */
const heap = setPrototypeOf([], null);
let size = 0;

/** By number, all timers that were not cleared and are not done. */
const byNumber = new TheMap();
let numbers = 0;

let armed = 0;
let armedFor = 0;

/** What setImmediate was given: for the turn that runs, and for the one after it. */
let batch = setPrototypeOf([], null);
let queued = setPrototypeOf([], null);
let next = 0;

/** When this turn began: what becomes due later waits for the next one, so that completions get theirs. */
let turn = 0;

/** What node's `setTimeout` answers; as a number it is what browsers answer. */
class Timeout {
  #timer;
  constructor(timer) {
    this.#timer = timer;
  }
  static of(value) {
    return typeof value === 'object' && value !== null && #timer in value ? value.#timer : undefined;
  }
  ref() {
    this.#timer.holds = true;
    rearm();
    return this;
  }
  unref() {
    this.#timer.holds = false;
    rearm();
    return this;
  }
  hasRef() {
    return this.#timer.holds;
  }
  refresh() {
    const timer = this.#timer;
    if (timer.place >= 0) removeAt(timer.place);
    if (timer.live) insert(timer);
    rearm();
    return this;
  }
  close() {
    clear(this.#timer);
    return this;
  }
  [Symbol.toPrimitive]() {
    return this.#timer.number;
  }
}

function start(callback, delay, args, repeats) {
  if (typeof callback !== 'function') {
    throw new TheTypeError(`the callback of a timer must be a function, not ${callback === null ? 'null' : typeof callback}`);
  }
  delay = +delay;
  const timer = {
    __proto__: null,
    callback,
    args,
    delay: delay >= 1 && delay <= LONGEST ? delay : 1,
    repeats,
    deadline: 0,
    order: 0,
    place: -1,
    number: ++numbers,
    live: true,
    holds: true,
    handle: undefined,
  };
  timer.handle = new Timeout(timer);
  mapSet(byNumber, timer.number, timer);
  insert(timer);
  rearm();
  return timer.handle;
}

function clear(timer) {
  if (timer === undefined || !timer.live) return;
  timer.live = false;
  mapDelete(byNumber, timer.number);
  if (timer.place >= 0) removeAt(timer.place);
  rearm();
}

function found(handle) {
  const timer = Timeout.of(handle);
  if (timer !== undefined) return timer;
  return mapGet(byNumber, typeof handle === 'string' ? +handle : handle);
}

/** Whether the script has ended; until then every timer holds the run. */
let ended = false;

export function scriptEnded() {
  ended = true;
}

/** Arms the host for the earliest deadline, if a timer that holds the run is waiting. */
function rearm() {
  let holds = !ended && size > 0;
  for (let i = 0; i < size && !holds; i++) holds = heap[i].holds;
  if (!holds) {
    if (armed !== 0) disarm(armed);
    armed = 0;
    return;
  }
  const { deadline } = heap[0];
  if (armed !== 0 && armedFor <= deadline) return;
  if (armed !== 0) disarm(armed);
  const left = deadline - now();
  armed = arm(left > 0 ? ceil(left * 1000) : 0, fired);
  armedFor = deadline;
}

function fired() {
  armed = 0;
}

/** A turn begins: the host has called. */
export function begin() {
  turn = now();
  batch = queued;
  next = 0;
  queued = setPrototypeOf([], null);
}

/**
 * Runs the next callback of this turn, and answers whether there was one. Between two of
 * them microtasks run, as in node. What it throws is for the caller.
 */
export function runDue() {
  if (next === 0 && batch.length === 0 && queued.length > 0) begin();
  while (next < batch.length) {
    const { callback, args } = batch[next++];
    if (callback === undefined) continue;
    apply(callback, undefined, args);
    return true;
  }
  if (size > 0 && heap[0].deadline <= turn) {
    const timer = heap[0];
    removeAt(0);
    if (timer.repeats) {
      insert(timer);
    } else {
      timer.live = false;
      mapDelete(byNumber, timer.number);
    }
    apply(timer.callback, timer.handle, timer.args);
    return true;
  }
  rearm();
  if (queued.length > 0 && (armed === 0 || armedFor > turn)) {
    if (armed !== 0) disarm(armed);
    armed = arm(0, fired);
    armedFor = turn;
  }
  return false;
}

/** Forgets everything. Handles that a script of a session keeps are those of timers that are done. */
export function stop() {
  for (let i = 0; i < size; i++) {
    heap[i].place = -1;
    heap[i].live = false;
  }
  size = 0;
  heap.length = 0;
  mapClear(byNumber);
  batch = queued = setPrototypeOf([], null);
  next = 0;
  armed = 0;
  ended = false;
}

function isBefore(a, b) {
  return a.deadline < b.deadline || (a.deadline === b.deadline && a.order < b.order);
}

let orders = 0;
function insert(timer) {
  timer.deadline = now() + timer.delay;
  timer.order = ++orders;
  let at = size++;
  while (at > 0) {
    const above = (at - 1) >> 1;
    if (!isBefore(timer, heap[above])) break;
    put(heap[above], at);
    at = above;
  }
  put(timer, at);
}

function removeAt(at) {
  heap[at].place = -1;
  const last = heap[--size];
  heap[size] = undefined;
  if (at === size) return;
  // The last one takes the place, and moves up or down to where it belongs.
  while (at > 0 && isBefore(last, heap[(at - 1) >> 1])) {
    put(heap[(at - 1) >> 1], at);
    at = (at - 1) >> 1;
  }
  for (;;) {
    let below = 2 * at + 1;
    if (below >= size) break;
    if (below + 1 < size && isBefore(heap[below + 1], heap[below])) below++;
    if (!isBefore(heap[below], last)) break;
    put(heap[below], at);
    at = below;
  }
  put(last, at);
}

function put(timer, at) {
  heap[at] = timer;
  timer.place = at;
}

/** A timer that does not keep the run alive once the script has ended, for AbortSignal.timeout. */
export function later(callback, delay) {
  const handle = start(callback, delay, [], false);
  handle.unref();
  return handle;
}

/** Calls back in the next turn. */
export function immediate(callback, args) {
  const one = { __proto__: null, callback, args };
  queued[queued.length] = one;
  return one;
}

export function install(target) {
  const functions = {
    setTimeout(callback, delay, ...args) {
      return start(callback, delay, args, false);
    },
    setInterval(callback, delay, ...args) {
      return start(callback, delay, args, true);
    },
    clearTimeout(handle) {
      clear(found(handle));
    },
    clearInterval(handle) {
      clear(found(handle));
    },
    setImmediate(callback, ...args) {
      if (typeof callback !== 'function') throw new TheTypeError('the callback of setImmediate must be a function');
      return immediate(callback, args);
    },
    clearImmediate(immediate) {
      if (typeof immediate === 'object' && immediate !== null) immediate.callback = undefined;
    },
  };
  for (const name of ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval', 'setImmediate', 'clearImmediate']) {
    define(target, name, functions[name]);
  }
}
