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
  [ThePromise.prototype, 'shown'],
  [WeakMap.prototype, 'shown'],
  [WeakSet.prototype, 'shown'],
  [WeakRef.prototype, 'shown'],
]);

/** What a chain of prototypes says; checks that raise are slow, so only the likely one is made. */
export function kindOf(prototype) {
  for (let depth = 0; prototype !== null && depth < 20; depth++) {
    const kind = mapGet(kinds, prototype);
    if (kind !== undefined) return kind;
    prototype = getPrototypeOf(prototype);
  }
  return undefined;
}
