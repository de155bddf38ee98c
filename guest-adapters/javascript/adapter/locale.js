// What needs tables of Unicode or of locales, which this engine is made without: the little
// of it that scripts meet most, the same for every locale. LIMITS.md says what that is.

import {
  TheBigInt,
  TheNumber,
  TheString,
  abs,
  apply,
  charCode,
  dateValue,
  define,
  indexOf,
  isFinite,
  lowerCase,
  min,
  slice,
  upperCase,
} from './primordials.js';
import { normalized } from './intl/normalize.js';
import { field } from './zone.js';

export function install() {
  define(TheString.prototype, 'normalize', function normalize(form = 'NFC') {
    return normalized(`${this}`, `${form}`);
  });
  define(TheString.prototype, 'localeCompare', function localeCompare(other, locales, options) {
    return compared(`${this}`, `${other}`, options ?? {});
  });
  // The engine's own stop it: they want tables.
  define(TheString.prototype, 'toLocaleLowerCase', function toLocaleLowerCase() {
    return lowerCase(this);
  });
  define(TheString.prototype, 'toLocaleUpperCase', function toLocaleUpperCase() {
    return upperCase(this);
  });
  define(Date.prototype, 'toLocaleDateString', function toLocaleDateString() {
    return told(this, (date) => dateText(date));
  });
  define(Date.prototype, 'toLocaleTimeString', function toLocaleTimeString() {
    return told(this, (date) => timeText(date));
  });
  define(Date.prototype, 'toLocaleString', function toLocaleString() {
    return told(this, (date) => `${dateText(date)}, ${timeText(date)}`);
  });
  define(TheNumber.prototype, 'toLocaleString', function toLocaleString(locales, options) {
    return formatted(apply(numberValue, this, []), options ?? {});
  });
  define(TheBigInt.prototype, 'toLocaleString', function toLocaleString() {
    return grouped(`${apply(bigintValue, this, [])}`);
  });
}

const numberValue = TheNumber.prototype.valueOf;
const bigintValue = TheBigInt.prototype.valueOf;
const { toFixed } = TheNumber.prototype;

// Latin letters with a mark, and the letters that they are sorted with.
const MARKED = 'àáâãäåāăąçćčďèéêëēęěğìíîïīłñńňòóôõöōőøřśşšťùúûüūůűýÿźżž';
const PLAIN = 'aaaaaaaaacccdeeeeeeegiiiiilnnnoooooooorssstuuuuuuuyyzzz';

function plain(letter) {
  const at = indexOf(MARKED, letter);
  return at < 0 ? letter : PLAIN[at];
}

/** Spaces and signs, then digits, then letters. */
function rank(letter) {
  const code = charCode(letter, 0);
  if (code >= 48 && code <= 57) return 1;
  return code > 127 || (code >= 97 && code <= 122) ? 2 : 0;
}

function isDigit(letter) {
  return letter !== undefined && rank(letter) === 1;
}

function compared(a, b, { numeric = false, sensitivity = 'variant' }) {
  const lowA = lowerCase(a);
  const lowB = lowerCase(b);
  let i = 0;
  let j = 0;
  while (i < lowA.length && j < lowB.length) {
    if (numeric && isDigit(lowA[i]) && isDigit(lowB[j])) {
      const endA = digitsEnd(lowA, i);
      const endB = digitsEnd(lowB, j);
      const difference = +slice(lowA, i, endA) - +slice(lowB, j, endB);
      if (difference !== 0) return difference < 0 ? -1 : 1;
      i = endA;
      j = endB;
      continue;
    }
    const x = plain(lowA[i++]);
    const y = plain(lowB[j++]);
    if (x === y) continue;
    const difference = rank(x) - rank(y);
    return difference < 0 || (difference === 0 && x < y) ? -1 : 1;
  }
  if (lowA.length - i !== lowB.length - j) return lowA.length - i < lowB.length - j ? -1 : 1;
  if (sensitivity === 'base') return 0;
  if (lowA !== lowB && sensitivity !== 'case') return lowA < lowB ? -1 : 1;
  if (a === b || sensitivity === 'accent') return 0;
  // The same letters: a small one comes first.
  return a > b ? -1 : 1;
}

function digitsEnd(text, from) {
  while (isDigit(text[from])) from++;
  return from;
}

function told(date, text) {
  return dateValue(date) === dateValue(date) ? text(date) : 'Invalid Date';
}

/** `12/31/1999`, as in the United States. */
function dateText(date) {
  return `${field(date, 'Month') + 1}/${field(date, 'Date')}/${field(date, 'FullYear')}`;
}

/** `11:59:59 PM`. */
function timeText(date) {
  const hours = field(date, 'Hours');
  const two = (number) => (number < 10 ? `0${number}` : `${number}`);
  const clock = `${two(field(date, 'Minutes'))}:${two(field(date, 'Seconds'))}`;
  return `${hours % 12 === 0 ? 12 : hours % 12}:${clock} ${hours < 12 ? 'AM' : 'PM'}`;
}

const SIGNS = { __proto__: null, USD: '$', EUR: '€', GBP: '£', JPY: '¥', INR: '₹', CNY: 'CN¥', KRW: '₩' };

function formatted(value, options) {
  if (!isFinite(value)) return value !== value ? 'NaN' : value > 0 ? '∞' : '-∞';
  const { style, currency, useGrouping = true } = options;
  const usual = style === 'currency' ? 2 : 0;
  const least = options.minimumFractionDigits ?? min(usual, options.maximumFractionDigits ?? usual);
  const most = options.maximumFractionDigits ?? (style === 'percent' ? least : usual > least ? usual : least > 3 || usual > 0 ? least : 3);
  const amount = style === 'percent' ? value * 100 : value;
  let text = amount >= 1e21 || amount <= -1e21 ? `${abs(amount)}` : apply(toFixed, abs(amount), [min(most, 100)]);
  let point = indexOf(text, '.');
  if (point >= 0) {
    let end = text.length;
    while (end - point - 1 > least && text[end - 1] === '0') end--;
    text = slice(text, 0, end - 1 === point ? point : end);
    point = indexOf(text, '.');
  }
  const whole = point < 0 ? text : slice(text, 0, point);
  const fraction = point < 0 ? '' : slice(text, point);
  const number = (useGrouping ? grouped(whole) : whole) + fraction;
  const minus = amount < 0 && +text !== 0 ? '-' : '';
  if (style === 'percent') return `${minus}${number}%`;
  if (style === 'currency') return `${minus}${SIGNS[currency] ?? `${currency}\xa0`}${number}`;
  return minus + number;
}

function grouped(digits) {
  const first = digits[0] === '-' ? 1 : 0;
  let text = '';
  for (let i = first; i < digits.length; i++) {
    if (i > first && (digits.length - i) % 3 === 0) text += ',';
    text += digits[i];
  }
  return (first === 1 ? '-' : '') + text;
}
