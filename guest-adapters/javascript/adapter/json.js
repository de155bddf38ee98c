// JSON that the host sends, read exactly: an integer beyond 2^53 - 1 is a BigInt.
//
// The host marks a text that holds such an integer, and arguments with a number such as 3.0, by a
// space in front. All other texts are read by `JSON.parse` alone, which is many times faster.

import {
  TheBigInt,
  TheMap,
  add,
  apply,
  bigIntText,
  charCode,
  define,
  defineProperty,
  hasOwn,
  indexOf,
  is,
  isArray,
  isInteger,
  keys,
  mapForEach,
  mapGet,
  mapSet,
  parse,
  plainArray,
  rawJSON,
  regExpExec,
  stringify,
  weakMapGet,
  weakMapSet,
} from './primordials.js';

const SPACE = 32;
const LARGEST = 9007199254740991;

/** Makes `JSON.stringify` write a BigInt as its digits, where it would throw. */
export function install() {
  define(JSON, 'stringify', { stringify: (...args) => stringifyExactly(args[0], args[1], args[2]) }.stringify);
  defineProperty(JSON.stringify, 'length', { __proto__: null, value: 3, configurable: true });
}

function stringifyExactly(value, replacer, space) {
  if (typeof replacer === 'function') {
    return stringify(
      value,
      function (name, item) {
        return withDigits(apply(replacer, this, [name, item]));
      },
      space,
    );
  }
  try {
    return stringify(value, replacer, space);
  } catch (error) {
    // Most values have no BigInt, so they are looked for only now.
    return withBigInts(() => stringify(value, replacer, space), error);
  }
}

/** Writes again what could not be written, if that was for its BigInts. */
function withBigInts(write, error) {
  if (hasOwn(TheBigInt.prototype, 'toJSON')) throw error;
  // A list of names cannot be combined with a function that replaces: BigInts write themselves.
  const toJSON = function () {
    return rawJSON(bigIntText(this));
  };
  defineProperty(TheBigInt.prototype, 'toJSON', { __proto__: null, value: toJSON, configurable: true });
  try {
    return write();
  } finally {
    delete TheBigInt.prototype.toJSON;
  }
}

function withDigits(item) {
  return typeof item === 'bigint' ? rawJSON(bigIntText(item)) : item;
}

/** The value of a text from the host. */
export function read(text) {
  return mayHoldBigInts(text) ? exactly(text) : parse(text);
}

/** Whether the host says so of a text. */
export function mayHoldBigInts(text) {
  return charCode(text, 0) === SPACE;
}

/** The value of a text from elsewhere; SyntaxError if it is no JSON. */
export function readAny(text) {
  return regExpExec(MANY_DIGITS, text) === null ? parse(text) : exactly(text);
}
const MANY_DIGITS = /\d{16}/;

/** By list, its items that are written as floating-point numbers though they are whole: 3.0. */
const wholeFloats = new WeakMap();

/** Which items of a list from the host are floating-point numbers though they are whole; undefined if none is. */
export function floatsOf(list) {
  return weakMapGet(wholeFloats, list);
}

function noteFloat(list, index, item) {
  let found = weakMapGet(wholeFloats, list);
  if (found === undefined) {
    found = { __proto__: null };
    weakMapSet(wholeFloats, list, found);
  }
  found[index] = item;
}

/** The value of any text; SyntaxError if it is no JSON. */
function exactly(text) {
  let isExact = false;
  const value = parse(text, function (name, item, context) {
    // An integer of hundreds of digits is Infinity here.
    if (typeof item !== 'number' || !(isInteger(item) || is(item, Infinity) || is(item, -Infinity))) return item;
    if (!isWritten(context.source)) {
      if (isArray(this)) noteFloat(this, name, item);
      return item;
    }
    if (item <= LARGEST && item >= -LARGEST) return item;
    isExact = true;
    return TheBigInt(context.source);
  });
  if (isExact && value !== null && typeof value === 'object') align([value], false);
  return value;
}

/** Whether a number is written as an integer: with digits and a sign alone. */
function isWritten(source) {
  return indexOf(source, '.') < 0 && indexOf(source, 'e') < 0 && indexOf(source, 'E') < 0;
}

/**
 * Gives the integers at one place one type: where one is a BigInt, all are. Members of one name
 * of the objects in a list are one place, and so are the items of a list. Lists in a list are
 * rows: each of their columns is a place.
 *
 * `holders` are the objects and lists at one place; `areItems` if they are items of lists. Most
 * cells are only looked at: nothing is allocated for them.
 */
function align(holders, areItems) {
  const items = place();
  const named = new TheMap();
  for (let i = 0; i < holders.length; i++) {
    const holder = holders[i];
    const names = isArray(holder) ? undefined : keys(holder);
    const isList = names === undefined && !areItems;
    const count = names === undefined ? holder.length : names.length;
    for (let j = 0; j < count; j++) {
      const name = names === undefined ? j : names[j];
      const value = holder[name];
      const type = typeof value;
      if (type === 'bigint') (isList ? items : placeOf(named, name)).isBig = true;
      else if (type === 'object' && value !== null) add((isList ? items : placeOf(named, name)).inner, value);
    }
  }
  if (items.isBig) alignItems(holders);
  if (items.inner.length > 0) align(items.inner, true);
  mapForEach(named, ({ isBig, inner }, name) => {
    if (isBig) for (let i = 0; i < holders.length; i++) alignCell(holders[i], name);
    if (inner.length > 0) align(inner, false);
  });
}

function place() {
  return { __proto__: null, isBig: false, inner: plainArray() };
}

function placeOf(places, name) {
  let found = mapGet(places, name);
  if (found === undefined) {
    found = place();
    mapSet(places, name, found);
  }
  return found;
}

function alignItems(lists) {
  for (let i = 0; i < lists.length; i++) {
    if (!isArray(lists[i])) continue;
    for (let j = 0; j < lists[i].length; j++) alignCell(lists[i], j);
  }
}

function alignCell(holder, name) {
  if (!hasOwn(holder, name)) return;
  const value = holder[name];
  // Parsed members are data properties of their holder: no setter of a prototype is called.
  if (isInteger(value) && !is(value, -0)) holder[name] = TheBigInt(value);
}
