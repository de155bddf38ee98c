// The text of `console.log(...)`: placeholders, then values.

import { inspect, primitive } from './inspect.js';
import {
  TheString, functionText, getOwnPropertyDescriptor, getPrototypeOf, hasOwn, indexOf, isErrorObject,
  objectPrototype, slice, stringify,
} from './primordials.js';

/** The text of `console.log(...args)`. */
export function format(args) {
  const { length } = args;
  if (length === 1 && typeof args[0] === 'string') return args[0];
  let text = '';
  let next = 0;
  if (length > 1 && typeof args[0] === 'string') {
    next = 1;
    text = '';
    const pattern = args[0];
    let from = 0;
    for (let i = 0; i < pattern.length - 1; i++) {
      if (pattern[i] !== '%') continue;
      const kind = pattern[i + 1];
      if (kind === '%') {
        text += slice(pattern, from, i) + '%';
        from = i + 2;
        i++;
        continue;
      }
      if (next >= length) continue;
      const put = placeholder(kind, args[next]);
      if (put === undefined) continue;
      text += slice(pattern, from, i) + put;
      from = i + 2;
      i++;
      next++;
    }
    text += slice(pattern, from);
  }
  for (let i = next; i < length; i++) {
    if (i > 0) text += ' ';
    text += typeof args[i] === 'string' ? args[i] : inspect(args[i]);
  }
  return text;
}

function placeholder(kind, value) {
  switch (kind) {
    case 's':
      return shownAsText(value);
    case 'd':
      if (typeof value === 'bigint') return `${value}n`;
      return typeof value === 'symbol' || typeof value === 'object' ? 'NaN' : primitive(undefined, +value);
    case 'i':
      if (typeof value === 'bigint') return `${value}n`;
      return typeof value === 'symbol' || typeof value === 'object' ? 'NaN' : primitive(undefined, whole(value));
    case 'f':
      return typeof value === 'symbol' ? 'NaN' : primitive(undefined, parseFloating(value));
    case 'j':
      try {
        return stringify(value);
      } catch {
        return '[Circular]';
      }
    case 'o':
      return inspect(value, { __proto__: null, depth: 4 });
    case 'O':
      return inspect(value);
    case 'c':
      return '';
    default:
      return undefined;
  }
}

const parseFloating = parseFloat;
const whole = parseInt;

function shownAsText(value) {
  if (typeof value === 'string') return value;
  if (typeof value === 'object' && value !== null) {
    const own = hasOwn(value, 'toString') || isErrorObject(value);
    const holder = own ? value : getPrototypeOf(value);
    const method = own ? value.toString : getOwnPropertyDescriptor(holder ?? objectPrototype, 'toString')?.value;
    const isOurs = typeof method === 'function' && indexOf(functionText(method), '[native code]') < 0;
    if (isOurs || (own && typeof method === 'function')) {
      try {
        return TheString(value);
      } catch {
        // Shown as any other object.
      }
    }
    return inspect(value, { __proto__: null, depth: 0 });
  }
  return typeof value === 'function' ? functionText(value) : primitive(undefined, value);
}
