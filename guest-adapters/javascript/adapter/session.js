// What scripts of a session declare at their top level: properties of the global object, which
// later scripts find, and functions of earlier ones read anew each time.
//
// The host makes assignments of the declarations, and tells their names. Until a declaration is
// executed, what an earlier script has declared by that name is still there.

import {
  TheMap,
  TheReferenceError,
  defineProperty,
  getOwnPropertyDescriptor,
  mapClear,
  mapDelete,
  mapForEach,
  mapHas,
  mapSet,
} from './primordials.js';

const globals = globalThis;

/** The names that scripts of this session have declared. */
const declared = new TheMap();

/** By name, what was there before a declaration that is not executed yet. */
const pending = new TheMap();

/** What `_` was given last; nothing if the scripts have a `_` of their own. */
let last;
let isOurs = false;

function put(name, value, writable) {
  defineProperty(globals, name, { __proto__: null, value, writable, enumerable: true, configurable: true });
  mapSet(declared, name, true);
}

/** Makes the names of a script, before anything of it runs. */
export function declare(names) {
  for (let i = 0; i < names.length; i++) {
    const name = names[i][0];
    const how = names[i][1];
    if (how === 'let' || how === 'const') defer(name, how === 'let');
    else if (how === 'new' || !mapHas(declared, name)) put(name, undefined, true);
    // What was constant is none any more.
    else put(name, globals[name], true);
  }
}

/** Until the name is assigned to, it is what it was, or cannot be used. */
function defer(name, writable) {
  const before = getOwnPropertyDescriptor(globals, name);
  const isKnown = mapHas(declared, name);
  defineProperty(globals, name, {
    __proto__: null,
    get() {
      if (isKnown) return before === undefined ? undefined : before.value;
      throw new TheReferenceError(`can't access lexical declaration '${name}' before initialization`);
    },
    set(value) {
      mapDelete(pending, name);
      put(name, value, writable);
    },
    enumerable: true,
    configurable: true,
  });
  mapSet(pending, name, { __proto__: null, before });
}

/** Gives an imported name its value; one that is only a type has none. */
export function bind(name, value) {
  if (value !== undefined) put(name, value, false);
}

/** A run has ended: declarations that were not executed have not happened. */
export function settle() {
  mapForEach(pending, restore);
  mapClear(pending);
}

function restore({ before }, name) {
  try {
    if (before === undefined) delete globals[name];
    else defineProperty(globals, name, before);
  } catch {
    // The script has made it its own.
  }
}

/** Makes `_` the value that a run has ended with, unless the scripts have one of their own. */
export function remember(value) {
  if (value === undefined || mapHas(declared, '_')) return;
  const there = getOwnPropertyDescriptor(globals, '_');
  if (there !== undefined && !(isOurs && there.value === last)) return;
  last = value;
  isOurs = true;
  try {
    defineProperty(globals, '_', { __proto__: null, value, writable: true, enumerable: false, configurable: true });
  } catch {
    // The script has closed its global object.
  }
}

/** For the warm-up: as if no script had run. */
export function forget() {
  settle();
  mapForEach(declared, (_, name) => {
    delete globals[name];
  });
  mapClear(declared);
  if (isOurs) delete globals._;
  last = undefined;
  isOurs = false;
}
