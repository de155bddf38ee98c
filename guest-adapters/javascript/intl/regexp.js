// `\p{..}` in regular expressions, which the engine is made without: a property becomes the class of its letters.
//
// Literals with properties come here too: the host makes calls of `RegExp` of them. What a script sees of such an
// expression (`source`, `toString()`) is as it was written.

import { aliases, properties } from './tables/properties.js';
import {
  TheMap, TheString, TheSyntaxError, construct, define, defineProperty, getOwnPropertyDescriptor, hasOwn, indexOf,
  keys, mapClear, mapGet, mapSet, mapSize, ownKeys, push, slice, weakMapGet, weakMapSet,
} from '../primordials.js';

const Native = RegExp;
const { fromCodePoint } = String;
const call = Function.prototype.call;
const uncurry = (method) => call.bind(method);
const lowerCase = uncurry(TheString.prototype.toLowerCase);
const upperCase = uncurry(TheString.prototype.toUpperCase);
const codePointAt = uncurry(TheString.prototype.codePointAt);
const split = uncurry(TheString.prototype.split);
const hex = uncurry(Number.prototype.toString);
const sort = uncurry(Array.prototype.sort);
const nativeSource = uncurry(getOwnPropertyDescriptor(Native.prototype, 'source').get);
const nativeFlags = uncurry(getOwnPropertyDescriptor(Native.prototype, 'flags').get);
const toInt = parseInt;
const { match } = Symbol;

const LAST = 0x10ffff;
/** Expressions and classes that are remembered. */
const MAX_KEPT = 500;

/** What a script wrote, by the expression that stands for it. */
const written = new WeakMap();
const translations = new TheMap();
const classes = new TheMap();

export function install(global) {
  define(global, 'RegExp', Ours);
  define(Native.prototype, 'constructor', Ours);
}

function Ours(pattern, flags) {
  const isExpression = pattern !== null && typeof pattern === 'object' && weakMapGet(written, pattern) !== undefined;
  if (new.target === undefined && flags === undefined && isRegExp(pattern) && pattern.constructor === Ours) return pattern;
  const target = new.target === undefined || new.target === Ours ? Native : new.target;
  const wanted = isExpression && flags === undefined ? nativeFlags(pattern) : flags;
  const text = isExpression ? weakMapGet(written, pattern) : pattern;
  if (typeof text !== 'string' || !hasProperties(text) || wanted === undefined) return construct(Native, [text, wanted], target);
  const mode = `${wanted}`;
  if (indexOf(mode, 'u') < 0 && indexOf(mode, 'v') < 0) return construct(Native, [text, mode], target);
  const made = construct(Native, [translated(text, mode), mode], target);
  remember(made, text);
  return made;
}
defineProperty(Ours, 'name', { __proto__: null, value: 'RegExp', configurable: true });
defineProperty(Ours, 'length', { __proto__: null, value: 2, configurable: true });
defineProperty(Ours, 'prototype', { __proto__: null, value: Native.prototype, writable: false });
for (const name of ownKeys(Native)) {
  if (hasOwn(Ours, name)) continue;
  const own = getOwnPropertyDescriptor(Native, name);
  if (own.get !== undefined) {
    // `RegExp.$1` and the like belong to the engine's own constructor; its methods divide texts fast for that alone.
    const { get, set } = own;
    own.get = () => Reflect.apply(get, Native, []);
    if (set !== undefined) own.set = (value) => Reflect.apply(set, Native, [value]);
    if (name === Symbol.species) {
      own.get = function species() {
        return this === Ours ? Native : this;
      };
    }
  }
  defineProperty(Ours, name, own);
}

function isRegExp(value) {
  if (value === null || typeof value !== 'object') return false;
  const is = value[match];
  return is === undefined ? value instanceof Native : !!is;
}

function hasProperties(text) {
  return indexOf(text, '\\p') >= 0 || indexOf(text, '\\P') >= 0;
}

let isSourceOurs = false;

function remember(made, text) {
  weakMapSet(written, made, text);
  if (isSourceOurs) return;
  isSourceOurs = true;
  defineProperty(Native.prototype, 'source', {
    __proto__: null,
    configurable: true,
    get: function source() {
      const own = this !== null && typeof this === 'object' ? weakMapGet(written, this) : undefined;
      return own === undefined ? nativeSource(this) : slashed(own);
    },
  });
}

/** As `source` has it: a slash outside of a class is escaped. */
function slashed(text) {
  if (indexOf(text, '/') < 0 && indexOf(text, '\n') < 0) return text;
  let out = '';
  let inClass = false;
  for (let i = 0; i < text.length; i++) {
    const letter = text[i];
    if (letter === '\\') out += letter + (text[++i] ?? '');
    else if (letter === '\n') out += '\\n';
    else if (letter === '/' && !inClass) out += '\\/';
    else {
      if (letter === '[') inClass = true;
      else if (letter === ']') inClass = false;
      out += letter;
    }
  }
  return out;
}

function translated(text, flags) {
  const key = `${flags}/${text}`;
  const known = mapGet(translations, key);
  if (known !== undefined) return known;
  const mode = { sets: indexOf(flags, 'v') >= 0, ignoresCase: indexOf(flags, 'i') >= 0 };
  let out = '';
  let from = 0;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const letter = text[i];
    if (letter === '[') depth = mode.sets ? depth + 1 : 1;
    else if (letter === ']') depth = mode.sets && depth > 0 ? depth - 1 : 0;
    if (letter !== '\\') continue;
    const kind = text[++i];
    if (kind !== 'p' && kind !== 'P') continue;
    const end = text[i + 1] === '{' ? indexOf(text, '}', i) : -1;
    if (end < 0) throw invalid(text);
    out += slice(text, from, i - 1) + classOf(slice(text, i + 2, end), kind === 'P', mode, depth > 0);
    from = end + 1;
    i = end;
  }
  // The name of a property is an atom, and so found again without being read.
  const whole = keys({ __proto__: null, [out + slice(text, from)]: true })[0];
  if (mapSize(translations) >= MAX_KEPT) mapClear(translations);
  mapSet(translations, key, whole);
  return whole;
}

function invalid(text) {
  return new TheSyntaxError(`invalid property name in regular expression: /${text}/`);
}

/** One emoji of a sequence; sequences that no vendor has drawn are taken for emoji, too. */
const ONE = '(?:\\p{Emoji_Modifier_Base}\\p{Emoji_Modifier}|\\p{Emoji}\\u{fe0f}|(?!\\p{RI})\\p{Emoji_Presentation})(?:[\\u{e0020}-\\u{e007e}]+\\u{e007f})?';
const EMOJI = `(?:\\p{RI}{2}|[0-9#*]\\u{fe0f}\\u{20e3}|${ONE}(?:\\u{200d}${ONE})*)`;

/** What stands for a property: a class, or its members where a class is open already. */
function classOf(name, isNegative, { sets, ignoresCase }, isInside) {
  if (name === 'RGI_Emoji' && sets && !isNegative && !isInside) return translated(EMOJI, ignoresCase ? 'vi' : 'v');
  const key = `${isNegative ? 'P' : 'p'}${sets ? 'v' : 'u'}${ignoresCase ? 'i' : ''}${name}`;
  let members = mapGet(classes, key);
  if (members === undefined) {
    let ranges = rangesOf(name);
    // With sets the complement is taken of letters whose case is folded; without them, before that.
    if (sets && ignoresCase) ranges = withOtherCases(ranges);
    if (isNegative) ranges = complement(ranges);
    if (!sets && ignoresCase) ranges = withOtherCases(ranges);
    members = '';
    for (let i = 0; i < ranges.length; i += 2) {
      members += `\\u{${hex(ranges[i], 16)}}`;
      if (ranges[i + 1] > ranges[i]) members += `-\\u{${hex(ranges[i + 1], 16)}}`;
    }
    if (mapSize(classes) >= MAX_KEPT) mapClear(classes);
    mapSet(classes, key, members);
  }
  if (isInside && !sets) return members;
  return members === '' ? '[]' : `[${members}]`;
}

/** The letters of a property: first, last, first, last. */
function rangesOf(name) {
  const equals = indexOf(name, '=');
  const key = equals < 0 ? loneKey(name) : valueKey(slice(name, 0, equals), slice(name, equals + 1));
  if (key === undefined) throw invalid(`\\p{${name}}`);
  return unpacked(properties[key]);
}

function loneKey(name) {
  const own = aliases[name] ?? name;
  if (own !== 'ASCII' && indexOf(own, '=') >= 0) return undefined;
  if (properties[own] !== undefined) return own;
  return valueKey('gc', name);
}

const KINDS = {
  __proto__: null, General_Category: 'gc', gc: 'gc', Script: 'sc', sc: 'sc', Script_Extensions: 'scx', scx: 'scx',
};

function valueKey(property, value) {
  const kind = KINDS[property];
  if (kind === undefined || indexOf(value, '=') >= 0) return undefined;
  const table = kind === 'gc' ? 'gc' : 'sc';
  const own = aliases[`${table}=${value}`] ?? value;
  if (properties[`${table}=${own}`] === undefined) return undefined;
  return kind === 'scx' && properties[`scx=${own}`] !== undefined ? `scx=${own}` : `${table}=${own}`;
}

function unpacked(text) {
  const ranges = [];
  if (text === '') return ranges;
  const runs = split(text, ' ');
  let at = 0;
  for (let i = 0; i < runs.length; i++) {
    const run = split(runs[i], '-');
    const first = at + toInt(run[0], 36);
    const last = run.length > 1 ? first + toInt(run[1], 36) : first;
    push(ranges, first);
    push(ranges, last);
    at = last + 1;
  }
  return ranges;
}

function complement(ranges) {
  const others = [];
  let at = 0;
  for (let i = 0; i < ranges.length; i += 2) {
    if (ranges[i] > at) {
      push(others, at);
      push(others, ranges[i] - 1);
    }
    at = ranges[i + 1] + 1;
  }
  if (at <= LAST) {
    push(others, at);
    push(others, LAST);
  }
  return others;
}

function holds(ranges, point) {
  let low = 0;
  let high = ranges.length / 2;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ranges[2 * middle + 1] < point) low = middle + 1;
    else high = middle;
  }
  return low < ranges.length / 2 && ranges[2 * low] <= point;
}

/** The engine knows upper and lower case of few scripts where it compares letters: here of all. */
function withOtherCases(ranges) {
  const more = [];
  const cased = unpacked(properties.Changes_When_Casemapped);
  for (let i = 0; i < cased.length; i += 2) {
    for (let point = cased[i]; point <= cased[i + 1]; point++) {
      const letter = fromCodePoint(point);
      const isIn = holds(ranges, point);
      addOther(lowerCase(letter), point, isIn, ranges, more);
      addOther(upperCase(letter), point, isIn, ranges, more);
    }
  }
  if (more.length === 0) return ranges;
  return merged(ranges, more);
}

function addOther(text, point, isIn, ranges, more) {
  const other = codePointAt(text, 0);
  // Letters of Turkish are compared as they are.
  if (point === 0x130 || point === 0x131 || other === point || text.length !== (other > 0xffff ? 2 : 1)) return;
  if (isIn && !holds(ranges, other)) push(more, other);
  else if (!isIn && holds(ranges, other)) push(more, point);
}

function merged(ranges, points) {
  const rows = [];
  for (let i = 0; i < ranges.length; i += 2) push(rows, { first: ranges[i], last: ranges[i + 1] });
  for (let i = 0; i < points.length; i++) push(rows, { first: points[i], last: points[i] });
  sort(rows, (a, b) => a.first - b.first);
  const all = [];
  for (let i = 0; i < rows.length; i++) {
    const { first, last } = rows[i];
    const end = all.length - 1;
    if (end > 0 && first <= all[end] + 1) {
      if (last > all[end]) all[end] = last;
    } else {
      push(all, first);
      push(all, last);
    }
  }
  return all;
}
