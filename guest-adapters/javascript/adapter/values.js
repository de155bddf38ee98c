// From any JavaScript value to JSON. What becomes of what JSON lacks is a table in LIMITS.md.

import { inspect } from './inspect.js';
import { kindOf } from './kinds.js';
import * as promises from './promises.js';
import {
  TheBigInt,
  TheNumber,
  TheString,
  TheTypeError,
  add,
  apply,
  arrayLength,
  bigIntText,
  brand,
  bytesOf,
  dateToISO,
  dateValue,
  getPrototypeOf,
  hasOwn,
  indexOf,
  is,
  isArray,
  isErrorObject,
  isFinite,
  isInteger,
  isSafeInteger,
  isView,
  join,
  keys,
  mapForEach,
  mapSize,
  objectPrototype,
  plainArray,
  push,
  setForEach,
  setSize,
  stringify,
  typedArrayName,
  weakMapGet,
  weakMapSet,
} from './primordials.js';

const { isWellFormed, toWellFormed } = TheString.prototype;

/** JSON of a text. JSON.stringify writes a lone surrogate as an escape that no reader takes: U+FFFD. */
export function quoted(text) {
  return stringify(apply(isWellFormed, text, []) ? text : apply(toWellFormed, text, []));
}

/** JSON of a value at once; never refuses one. */
export function encode(value) {
  const out = plainArray();
  writeAny(value, out);
  return joined(value, out);
}

/**
 * Calls `done` with the JSON of a script's value when the promises in it have settled. Calls
 * `failed` with the error of a promise that is rejected, or where the value is nested too deeply.
 */
export function encodeAwaited(value, done, failed) {
  const out = plainArray();
  try {
    promises.whole(() => writeItem(value, plainArray(), false, out), () => done(join(out, '')), failed);
  } catch (error) {
    // A shorter text in its place would be another value.
    failed(isEngineLimit(error) ? new TheTypeError('the value is nested too deeply to be JSON') : error);
  }
}

function writeAny(value, out) {
  try {
    writeItem(value, plainArray(), false, out);
  } catch {
    // Too deep, or out of memory: a text says at least what it is.
    promises.keepHoles(0);
    out.length = 0;
    add(out, quoted(shown(value)));
  }
}

function joined(value, out) {
  try {
    return join(out, '');
  } catch {
    return quoted(shown(value));
  }
}

/** JSON of a tool's arguments; raises TypeError for what has no JSON form. */
export function encodeArguments(value) {
  // Parts, joined at the end: adding text to text keeps each step of it.
  const out = plainArray();
  return write(value, plainArray(), true, out) ? join(out, '') : '{}';
}

/** `inspect` that cannot fail. */
export function shown(value) {
  try {
    return inspect(value, { __proto__: null, depth: 2 });
  } catch {
    return `[${typeof value} that cannot be shown]`;
  }
}

/** Adds the text of a value; false for what an object leaves out. `inside` are the containers around it. */
function write(value, inside, strict, out) {
  switch (typeof value) {
    case 'string':
      add(out, quoted(value));
      return true;
    case 'number':
      if (isFinite(value)) add(out, digits(value));
      else if (strict) throw new TheTypeError(`${value} has no JSON form`);
      else add(out, value !== value ? '"NaN"' : value > 0 ? '"Infinity"' : '"-Infinity"');
      return true;
    case 'boolean':
      add(out, value ? 'true' : 'false');
      return true;
    case 'undefined':
      return false;
    case 'bigint':
      add(out, bigIntText(value));
      return true;
    case 'object':
      if (value === null) add(out, 'null');
      else contained(value, inside, strict, out);
      return true;
    default:
      // A function or a symbol.
      if (strict) throw new TheTypeError(`a ${typeof value} has no JSON form`);
      add(out, quoted(shown(value)));
      return true;
  }
}

/** As `write`, where nothing can be left out. */
function writeItem(value, inside, strict, out) {
  if (!write(value, inside, strict, out)) add(out, 'null');
}
promises.install(writeItem);

/**
 * The digits of a finite number. An integer beyond 2^53 - 1 may stand for others that were rounded
 * to it: it is written as what it is, a floating-point number, and never read as an integer.
 */
function digits(value) {
  if (value === 0) return is(value, -0) ? '-0.0' : '0';
  const text = `${value}`;
  if (isSafeInteger(value) || !isInteger(value) || indexOf(text, 'e') >= 0) return text;
  // The text has the shortest digits, which are those of another integer.
  return `${bigIntText(TheBigInt(value))}.0`;
}

function contained(value, inside, strict, out) {
  for (let i = 0; i < inside.length; i++) {
    if (inside[i] !== value) continue;
    if (strict) throw new TheTypeError('a value inside itself has no JSON form');
    add(out, '"[Circular]"');
    return;
  }
  add(inside, value);
  const begun = out.length;
  const holes = promises.count();
  try {
    members(value, inside, strict, out);
  } catch (error) {
    // A getter or proxy of the script's that throws. Endless nesting is for `encode`.
    if (strict || isEngineLimit(error)) throw error;
    out.length = begun;
    promises.keepHoles(holes);
    add(out, quoted(shown(value)));
  }
  inside.length--;
}

const internalError = InternalError.prototype;
/** Too much recursion, or out of memory. */
function isEngineLimit(error) {
  return typeof error === 'string' || (isErrorObject(error) && getPrototypeOf(error) === internalError);
}

function members(value, inside, strict, out) {
  if (isArray(value)) {
    list(value, value.length, inside, strict, out);
    return;
  }
  const prototype = getPrototypeOf(value);
  const isPlain = (prototype === objectPrototype || prototype === null) && !hasOwn(value, 'toJSON');
  if (!isPlain && special(value, prototype, inside, strict, out)) return;
  add(out, '{');
  named(value, keys(value), out.length, inside, strict, out);
}

function list(items, length = items.length, inside, strict, out) {
  add(out, '[');
  const numbers = length > 0 && typeof items[0] === 'number' ? numbersOf(items, length) : undefined;
  if (numbers !== undefined) {
    add(out, numbers);
    add(out, ']');
    return;
  }
  const reals = hasReals ? weakMapGet(realColumns, items) : undefined;
  for (let i = 0; i < length; i++) {
    if (i > 0) add(out, ',');
    if (reals !== undefined && isRow(items[i])) row(items[i], reals, inside, strict, out);
    else writeItem(items[i], inside, strict, out);
  }
  add(out, ']');
}

/** By list of rows, the columns whose numbers are floating-point numbers of a database. */
const realColumns = new WeakMap();
let hasReals = false;

/** Has the whole numbers in these columns of a list of rows written as `1.0`, which is no integer. */
export function keepReals(rows, columns) {
  hasReals = true;
  weakMapSet(realColumns, rows, columns);
}

function isRow(value) {
  return value !== null && typeof value === 'object' && getPrototypeOf(value) === objectPrototype && !hasOwn(value, 'toJSON');
}

function row(value, reals, inside, strict, out) {
  const names = keys(value);
  add(out, '{');
  const first = out.length;
  for (let i = 0; i < names.length; i++) {
    const begun = out.length;
    const cell = value[names[i]];
    add(out, `${begun > first ? ',' : ''}${quoted(names[i])}:`);
    if (isSafeInteger(cell) && !is(cell, -0) && holds(reals, names[i])) add(out, `${cell}.0`);
    else if (!write(cell, inside, strict, out)) out.length = begun;
  }
  add(out, '}');
}

function holds(list, name) {
  for (let i = 0; i < list.length; i++) if (list[i] === name) return true;
  return false;
}

/** The text of a list of nothing but finite numbers that need no care; undefined for any other. */
const LARGEST = 9007199254740991;
function numbersOf(items, length) {
  const found = plainArray();
  for (let i = 0; i < length; i++) {
    const item = items[i];
    if (typeof item !== 'number' || item - item !== 0 || item > LARGEST || item < -LARGEST || is(item, -0)) return undefined;
    found[i] = item;
  }
  return join(found, ',');
}

/** Members by their names, the first of them at `first` in `out`, and the bracket behind them. */
function named(value, names, first, inside, strict, out) {
  for (let i = 0; i < names.length; i++) {
    const begun = out.length;
    add(out, `${begun > first ? ',' : ''}${quoted(names[i])}:`);
    if (!write(value[names[i]], inside, strict, out)) out.length = begun;
  }
  add(out, '}');
}

/** Adds an object of a class; false for one that is written as a plain object. */
function special(value, prototype, inside, strict, out) {
  switch (kindOf(prototype)) {
    case 'bytes': {
      const bytes = isView(value) && typedArrayName(value) !== undefined ? value : bytesOf(value);
      if (bytes === undefined) break;
      list(bytes, arrayLength(bytes), inside, strict, out);
      return true;
    }
    case 'date':
      if (!brand(dateValue, value)) break;
      add(out, isFinite(dateValue(value)) ? `"${dateToISO(value)}"` : 'null');
      return true;
    case 'map':
      if (!brand(mapSize, value)) break;
      pairs(value, inside, strict, out);
      return true;
    case 'set':
      if (!brand(setSize, value)) break;
      items(value, inside, strict, out);
      return true;
    case 'error':
      if (!isErrorObject(value)) break;
      fault(value, inside, strict, out);
      return true;
    case 'wrapped': {
      const wrapped = unwrapped(value);
      if (wrapped === undefined) break;
      writeItem(wrapped, inside, strict, out);
      return true;
    }
    case 'iterator':
      list(drained(value), undefined, inside, strict, out);
      return true;
    case 'promise':
      if (strict) throw promises.notAwaited();
      if (!promises.hole(value, inside, out)) add(out, quoted(shown(value)));
      return true;
    case 'shown':
      if (strict || keys(value).length > 0) break;
      add(out, quoted(shown(value)));
      return true;
  }
  const { toJSON, then } = value;
  if (typeof then === 'function') {
    // As `await` would: an object that stands for an answer.
    if (strict) throw promises.notAwaited();
    if (promises.hole(value, inside, out)) return true;
  }
  if (typeof toJSON !== 'function' || toJSON === objectPrototype.toJSON) return false;
  writeItem(apply(toJSON, value, ['']), inside, strict, out);
  return true;
}

function items(set, inside, strict, out) {
  const found = [];
  setForEach(set, (item) => push(found, item));
  list(found, found.length, inside, strict, out);
}

const unwraps = [TheString.prototype.valueOf, TheNumber.prototype.valueOf, Boolean.prototype.valueOf, TheBigInt.prototype.valueOf];
function unwrapped(value) {
  for (let i = 0; i < 4; i++) {
    try {
      return apply(unwraps[i], value, []);
    } catch {
      // Another kind of object.
    }
  }
  return undefined;
}

/** A map with texts or numbers as keys is an object, any other a list of pairs. */
/** The items that an iterator has left: `map.values()`, a generator. */
function drained(iterator) {
  const found = plainArray();
  const { next } = iterator;
  for (let step = apply(next, iterator, []); !step.done; step = apply(next, iterator, [])) add(found, step.value);
  return found;
}

function pairs(map, inside, strict, out) {
  const given = [];
  const names = [];
  const values = [];
  const seen = { __proto__: null };
  let isObject = true;
  mapForEach(map, (item, key) => {
    push(given, key);
    if (typeof key === 'number' && isSafeInteger(key)) key = `${key}`;
    // 1 and '1' are two keys here, and would be one in an object.
    if (typeof key !== 'string' || seen[key] === true) isObject = false;
    else seen[key] = true;
    push(names, key);
    push(values, item);
  });
  add(out, isObject ? '{' : '[');
  const first = out.length;
  for (let i = 0; i < names.length; i++) {
    const begun = out.length;
    const comma = begun > first ? ',' : '';
    if (isObject) {
      add(out, `${comma}${quoted(names[i])}:`);
      if (!write(values[i], inside, strict, out)) out.length = begun;
    } else {
      add(out, `${comma}[`);
      writeItem(given[i], inside, strict, out);
      add(out, ',');
      writeItem(values[i], inside, strict, out);
      add(out, ']');
    }
  }
  add(out, isObject ? '}' : ']');
}

function fault(error, inside, strict, out) {
  const { name, message } = error;
  add(out, '{');
  const first = out.length;
  add(out, `"name":${quoted(`${name}`)},"message":${quoted(`${message}`)}`);
  const others = [];
  const names = keys(error);
  for (let i = 0; i < names.length; i++) if (names[i] !== 'name' && names[i] !== 'message') push(others, names[i]);
  named(error, others, first, inside, strict, out);
}
