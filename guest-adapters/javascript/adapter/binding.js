// Which argument of a call is which. The host refuses names that are no parameters; here nothing
// may become another argument on its way there.

import { kindOf } from './kinds.js';
import { isNear, listed } from './names.js';
import {
  TheTypeError,
  brand,
  create,
  getPrototypeOf,
  isArray,
  keys,
  mapForEach,
  mapGet,
  mapSize,
  objectPrototype,
  push,
} from './primordials.js';
import { encodeArguments } from './values.js';

/** Names that programs elsewhere wrap arguments in, as in `runtime/tooltree/src/arguments.rs`. */
const WRAPPERS = ['args', 'arguments', 'input', 'inputs', 'kwargs', 'parameters', 'params'];

/** An object with more names is a document, and no misspelt arguments. */
const MOST_NAMES = 32;

/**
 * JSON of a call's arguments: those of one object, or values in the order of the parameters. With
 * `objectFirst` one object none of whose keys is a parameter, or looks like one, is the first
 * parameter's value.
 */
export function argumentsText(tool, parameters, objectFirst, args) {
  let { length } = args;
  while (length > 0 && args[length - 1] === undefined) length--;
  if (length === 0) return '{}';
  const names = namesOf(args[0]);
  if (names !== undefined) {
    if (length === 1 && !(objectFirst && isValue(args[0], names, parameters))) return encodeArguments(args[0]);
    if (length > 1 && names.length > 0 && count(names, parameters) === names.length) {
      throw new TheTypeError(
        `${tool} takes one object with its arguments, or its arguments one by one: put all of them into the object, or write {${parameters[0]}: ..}`,
      );
    }
  }
  if (length > parameters.length) {
    const most = `${parameters.length} argument${parameters.length === 1 ? '' : 's'}`;
    const which = parameters.length === 0 ? '' : `: ${listed(parameters)}`;
    throw new TheTypeError(`${tool} takes at most ${most} (${length} given), or one object with their names${which}`);
  }
  const bound = create(null);
  for (let i = 0; i < length; i++) if (args[i] !== undefined) bound[parameters[i]] = args[i];
  return encodeArguments(bound);
}

/** The keys of what may be a set of named arguments: an object of a script's, or a map; undefined for other values. */
function namesOf(value) {
  if (value === null || typeof value !== 'object' || isArray(value)) return undefined;
  const prototype = getPrototypeOf(value);
  if (prototype === objectPrototype || prototype === null) return keys(value);
  const kind = kindOf(prototype);
  if (kind === undefined) return typeof value.toJSON === 'function' ? undefined : keys(value);
  if (kind !== 'map' || !brand(mapSize, value)) return undefined;
  const names = [];
  let isNamed = true;
  mapForEach(value, (_, key) => {
    if (typeof key === 'string') push(names, key);
    else isNamed = false;
  });
  return isNamed ? names : undefined;
}

function count(names, parameters) {
  let found = 0;
  for (let i = 0; i < names.length; i++) {
    for (let j = 0; j < parameters.length; j++) {
      if (names[i] !== parameters[j]) continue;
      found++;
      break;
    }
  }
  return found;
}

/** Whether no key is a parameter, nor looks like a parameter that was misspelt, nor like arguments that are wrapped. */
function isValue(value, names, parameters) {
  if (names.length === 0 || count(names, parameters) > 0) return false;
  if (names.length > MOST_NAMES) return true;
  if (names.length === 1 && isWrapper(names[0])) {
    const inside = brand(mapSize, value) ? mapGet(value, names[0]) : value[names[0]];
    if (namesOf(inside) !== undefined) return false;
  }
  for (let i = 0; i < names.length; i++) {
    for (let j = 0; j < parameters.length; j++) if (isNear(names[i], parameters[j])) return false;
  }
  return true;
}

function isWrapper(name) {
  for (let i = 0; i < WRAPPERS.length; i++) if (WRAPPERS[i] === name) return true;
  return false;
}
