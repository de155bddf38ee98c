// What all of `Intl` shares: locales, and options with their allowed values.

import { TheRangeError, TheString, TheTypeError, indexOf, isArray, join, lowerCase, push, slice, upperCase } from '../primordials.js';

const { call } = Function.prototype;
const uncurry = (method) => call.bind(method);
const split = uncurry(TheString.prototype.split);
const test = uncurry(RegExp.prototype.test);

const TAG = /^[a-z]{2,8}(-[a-z]{4})?(-([a-z]{2}|\d{3}))?(-([a-z\d]{5,8}|\d[a-z\d]{3}))*(-[a-wy-z\d](-[a-z\d]{2,8})+)*(-x(-[a-z\d]{1,8})+)?$/i;
/** What the tables have: English as in the United States, and as in Britain, which others share. */
const BRITISH = ['GB', 'AU', 'NZ', 'IE', 'ZA', 'IN', 'SG', 'HK', 'CA'];

/** A tag as it is written: `EN-us` is `en-US`. */
export function canonical(tag) {
  if (!test(TAG, tag)) throw new TheRangeError(`Incorrect locale information provided: ${tag}`);
  const parts = split(lowerCase(tag), '-');
  let isExtension = false;
  for (let i = 1; i < parts.length; i++) {
    const part = parts[i];
    if (part.length === 1) isExtension = true;
    if (isExtension) continue;
    if (part.length === 2) parts[i] = upperCase(part);
    else if (part.length === 4) parts[i] = upperCase(part[0]) + slice(part, 1);
  }
  return join(parts, '-');
}

export function canonicalList(locales) {
  const list = [];
  if (locales === undefined) return list;
  if (locales === null) throw new TheTypeError('Cannot convert undefined or null to object');
  const given = typeof locales === 'string' || isLocale(locales) ? [locales] : locales;
  for (let i = 0; i < given.length; i++) {
    const one = given[i];
    if (typeof one !== 'string' && (typeof one !== 'object' || one === null)) throw new TheTypeError('Incorrect locale information provided');
    const tag = canonical(`${one}`);
    if (!includes(list, tag)) push(list, tag);
  }
  return list;
}

function isLocale(value) {
  return typeof value === 'object' && value !== null && !isArray(value) && typeof value.language === 'string';
}

export function includes(list, wanted) {
  for (let i = 0; i < list.length; i++) if (list[i] === wanted) return true;
  return false;
}

function base(tag) {
  const at = indexOf(tag, '-u-');
  return at < 0 ? tag : slice(tag, 0, at);
}

function isKnown(tag) {
  const name = base(tag);
  return name === 'en' || name === 'en-US' || name === 'en-GB';
}

/** The locale that stands for the first one that is known; English of the United States otherwise. */
export function resolved(locales) {
  const list = canonicalList(locales);
  for (let i = 0; i < list.length; i++) {
    if (isKnown(list[i])) return base(list[i]);
    if (slice(list[i], 0, 3) === 'en-') return includes(BRITISH, slice(base(list[i]), 3, 5)) ? 'en-GB' : 'en-US';
  }
  return 'en-US';
}

export function supported(locales) {
  const list = canonicalList(locales);
  const known = [];
  for (let i = 0; i < list.length; i++) if (isKnown(list[i])) push(known, list[i]);
  return known;
}

export function isBritish(locale) {
  return locale === 'en-GB';
}

export function optionsOf(options) {
  if (options === null) throw new TheTypeError('Cannot convert undefined or null to object');
  return options === undefined ? { __proto__: null } : Object(options);
}

/** A text option; `values` are those that it may have, the first one its default unless `usual` is given. */
export function choice(options, name, values, usual) {
  const value = options[name];
  if (value === undefined) return usual;
  const text = `${value}`;
  if (values !== undefined && !includes(values, text)) {
    throw new TheRangeError(`Value ${text} out of range for Intl options property ${name}`);
  }
  return text;
}

export function whole(options, name, least, most, usual) {
  const value = options[name];
  if (value === undefined) return usual;
  const number = +value;
  if (!(number >= least && number <= most)) throw new TheRangeError(`${name} value is out of range.`);
  return Math.floor(number);
}

/** The text of parts, `formatToParts`. */
export function joined(parts) {
  let text = '';
  for (let i = 0; i < parts.length; i++) text += parts[i].value;
  return text;
}

/** A class of `Intl` is named, and knows which locales it has. */
export function announce(constructor, name) {
  Object.defineProperty(constructor, 'name', { value: name, configurable: true });
  Object.defineProperty(constructor.prototype, Symbol.toStringTag, { value: `Intl.${name}`, configurable: true });
  Object.defineProperty(constructor, 'supportedLocalesOf', {
    value: function supportedLocalesOf(locales) {
      return supported(locales);
    },
    writable: true,
    configurable: true,
  });
}
