// What kind of builtin object something is, by its prototypes.

import {
  TheBigInt,
  TheError,
  TheMap,
  TheNumber,
  ThePromise,
  TheSet,
  TheString,
  TheUint8Array,
  getPrototypeOf,
  mapGet,
  mapSet,
} from './primordials.js';

// By prototype, the kind of object that one of that class is (if it passes that kind's check).
const kinds = new TheMap([
  [TheMap.prototype, 'map'],
  [TheSet.prototype, 'set'],
  [Date.prototype, 'date'],
  [TheError.prototype, 'error'],
  [getPrototypeOf(TheUint8Array.prototype), 'bytes'],
  [ArrayBuffer.prototype, 'bytes'],
  [DataView.prototype, 'bytes'],
  [TheString.prototype, 'wrapped'],
  [TheNumber.prototype, 'wrapped'],
  [Boolean.prototype, 'wrapped'],
  [TheBigInt.prototype, 'wrapped'],
  [Symbol.prototype, 'shown'],
  [RegExp.prototype, 'shown'],
  [ThePromise.prototype, 'promise'],
  [getPrototypeOf(getPrototypeOf([].values())), 'iterator'],
  [WeakMap.prototype, 'shown'],
  [WeakSet.prototype, 'shown'],
  [WeakRef.prototype, 'shown'],
]);
if (typeof DOMException === 'function') mapSet(kinds, DOMException.prototype, 'dom');

/** The own name and message of a DOMException, which the engine does not count among errors; or undefined. */
export function domException(value) {
  if (typeof value !== 'object' || value === null || kindOf(getPrototypeOf(value)) !== 'dom') return undefined;
  try {
    return { __proto__: null, name: `${value.name}`, message: `${value.message}` };
  } catch {
    return undefined;
  }
}

/** What a chain of prototypes says; checks that raise are slow, so only the likely one is made. */
export function kindOf(prototype) {
  for (let depth = 0; prototype !== null && depth < 20; depth++) {
    const kind = mapGet(kinds, prototype);
    if (kind !== undefined) return kind;
    prototype = getPrototypeOf(prototype);
  }
  return undefined;
}
