// JSON that the host sends, read exactly: an integer beyond 2^53 - 1 is a BigInt.
//
// The host marks a text that holds such an integer by a space in front. All other texts are
// read by `JSON.parse` alone, which is many times faster.

import {
  TheBigInt,
  TheMap,
  apply,
  bigIntText,
  charCode,
  define,
  defineProperty,
  is,
  isArray,
  isInteger,
  isSafeInteger,
  keys,
  mapForEach,
  mapGet,
  mapSet,
  parse,
  push,
  rawJSON,
  regExpExec,
  stringify,
} from './primordials.js';

const SPACE = 32;

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
    // A list of names cannot be combined with a function.
    if (replacer !== null && typeof replacer === 'object') throw error;
    // Most values have no BigInt, so they are looked for only now.
    return stringify(value, (name, item) => withDigits(item), space);
  }
}

function withDigits(item) {
  return typeof item === 'bigint' ? rawJSON(bigIntText(item)) : item;
}

/** The value of a text from the host. */
export function read(text) {
  return charCode(text, 0) === SPACE ? exactly(text) : parse(text);
}

/** The value of a text from elsewhere; SyntaxError if it is no JSON. */
export function readAny(text) {
  return regExpExec(MANY_DIGITS, text) === null ? parse(text) : exactly(text);
}
const MANY_DIGITS = /\d{16}/;

/** The value of any text; SyntaxError if it is no JSON. */
function exactly(text) {
  let isExact = false;
  const value = parse(text, (name, item, context) => {
    if (typeof item !== 'number' || isSafeInteger(item) || !isWritten(context.source)) return item;
    isExact = true;
    return TheBigInt(context.source);
  });
  if (isExact) align([{ __proto__: null, holder: value, isRow: false }]);
  return value;
}

/** Whether a number is written as an integer: with digits and a sign alone. */
function isWritten(source) {
  for (let i = 0; i < source.length; i++) {
    const code = charCode(source, i);
    if (code === 46 || code === 69 || code === 101) return false; // . E e
  }
  return true;
}

/**
 * Gives the integers at one place one type: where one is a BigInt, all are. Members of one name
 * of the objects in a list are one place, and so are the items of a list. The items of lists in
 * a list, which are rows, are a place for each column.
 *
 * `holders` are the objects and lists at one place.
 */
function align(holders) {
  const places = new TheMap();
  for (let i = 0; i < holders.length; i++) {
    const { holder, isRow } = holders[i];
    const isList = isArray(holder);
    const names = isList ? undefined : keys(holder);
    const count = isList ? holder.length : names.length;
    for (let j = 0; j < count; j++) {
      const name = isList ? j : names[j];
      const place = isList && !isRow ? -1 : name;
      let cells = mapGet(places, place);
      if (cells === undefined) {
        cells = [];
        mapSet(places, place, cells);
      }
      push(cells, { __proto__: null, holder, name, isItem: isList && !isRow });
    }
  }
  mapForEach(places, alignCells);
}

function alignCells(cells) {
  const inner = [];
  let isBig = false;
  for (let i = 0; i < cells.length; i++) {
    const { holder, name, isItem } = cells[i];
    const value = holder[name];
    if (typeof value === 'bigint') isBig = true;
    else if (value !== null && typeof value === 'object') push(inner, { __proto__: null, holder: value, isRow: isItem });
  }
  for (let i = 0; isBig && i < cells.length; i++) {
    const { holder, name } = cells[i];
    // Parsed members are data properties of their holder: no setter of a prototype is called.
    if (isInteger(holder[name]) && !is(holder[name], -0)) holder[name] = TheBigInt(holder[name]);
  }
  if (inner.length > 0) align(inner);
}
