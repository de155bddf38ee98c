// The seam of `wit/guest.wit`: operations that the host works on, and what waits for them.

import { adapter, cancel, emit, emitText, rehearse, submit, unhandled } from './taken.js';
import { TheMap, ThePromise, mapClear, mapDelete, mapForEach, mapGet, mapSet, mapSize } from './primordials.js';
import { read } from './json.js';

export { adapter, rehearse, unhandled };

/** What `complete` is told of a payload that is {value, content}. */
export const WITH_CONTENT = 2;

// Operations of `submit`.
export const CALL = 1;
export const SEARCH = 2;
export const DESCRIBE = 3;
export const NAMESPACES = 4;
export const NAMESPACE = 5;
const TIMER = 6;
export const SQL = 7;
export const HTTP = 8;
export const FILES = 9;

// Kinds of `emit`.
export const STDOUT = 1;
export const STDERR = 2;
export const VALUE = 3;
export const RAISED = 4;
export const PROGRESS = 5;
export const ARTIFACT = 6;
export const EXIT = 7;

/** By id, what takes the completion: an object with `resolve` and `reject`, or a function of a timer. */
const waiting = new TheMap();
let closed = false;

/** Whether anything that was submitted is under way. */
export function isWaiting() {
  return mapSize(waiting) !== 0;
}

/** Begins an operation; its promise is rejected with the host's {kind, message, data?}. */
export function operate(operation, payload) {
  return new ThePromise((resolve, reject) => {
    // A script that has failed may still run for a while; it begins nothing any more.
    if (closed) return;
    mapSet(waiting, submit(operation, payload), { __proto__: null, resolve, reject });
  });
}

/** The same, with a way to give up on it: then the promise is rejected with the reason. */
export function begin(operation, payload) {
  let abandon;
  const promise = new ThePromise((resolve, reject) => {
    abandon = reject;
    if (closed) return;
    const id = submit(operation, payload);
    mapSet(waiting, id, { __proto__: null, resolve, reject });
    abandon = (reason) => {
      disarm(id);
      reject(reason);
    };
  });
  return { promise, abandon };
}

/** Calls `due` in so many microseconds; answers what `disarm` takes. */
export function arm(microseconds, due) {
  if (closed) return 0;
  const id = submit(TIMER, `{"us":${microseconds}}`);
  mapSet(waiting, id, due);
  return id;
}

export function disarm(id) {
  if (mapDelete(waiting, id)) cancel(id);
}

/** What no operation asked for: the names of namespaces whose tools changed. */
const NEWS = 0;
let heed;

/** Has `take` called with such names, before what was handed over with them is settled. */
export function listen(take) {
  heed = take;
}

/** Hands a completion to whom it belongs; `kept` makes a value of {value, content}. */
export function complete(id, ok, payload, kept) {
  if (id === NEWS) {
    if (!closed) heed(read(payload));
    return;
  }
  const receiver = mapGet(waiting, id);
  if (receiver === undefined) return;
  mapDelete(waiting, id);
  if (typeof receiver === 'function') receiver();
  else if (ok === WITH_CONTENT) receiver.resolve(kept(read(payload)));
  else if (ok) receiver.resolve(read(payload));
  else receiver.reject(read(payload));
}

export function tell(kind, payload) {
  if (!closed) emit(kind, payload);
}

/** Output of any length. */
export function print(kind, text) {
  if (!closed) emitText(kind, text);
}

/** Nothing leaves the script any more, and nothing is under way. */
export function close() {
  closed = true;
  mapForEach(waiting, (receiver, id) => cancel(id));
  mapClear(waiting);
}

/** For the warm-up: as if nothing had happened. */
export function reopen() {
  closed = false;
  mapClear(waiting);
}
