// Objects that `import * as x` gives: their members are getters, which `console.log` shows as values.

import { weakMapGet, weakMapSet } from './primordials.js';

const known = new WeakMap();

export function noteNamespace(object) {
  weakMapSet(known, object, true);
  return object;
}

export function isNamespace(object) {
  return weakMapGet(known, object) === true;
}
