// Methods of texts that need tables of Unicode or of locales, which the engine is made without.
// LIMITS.md says what they do here; the rest of `Intl` is in `../intl`.

import { TheString, charCode, define, indexOf, lowerCase, slice, upperCase } from './primordials.js';
import { normalized } from './intl/normalize.js';

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
}

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

/** The order of `localeCompare` and of `Intl.Collator`. */
export function compared(a, b, { numeric = false, sensitivity = 'variant' }) {
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
