// `Intl.ListFormat`, `RelativeTimeFormat`, `DisplayNames`, `Segmenter` and `Locale`, in English.

import { NumberFormat } from './numbers.js';
import { announce, canonical, choice, isBritish, joined, optionsOf, resolved } from './options.js';
import { LANGUAGES, REGIONS, CURRENCIES } from './tables/english.js';
import { TheRangeError, TheString, TheTypeError, indexOf, push, slice } from '../primordials.js';

const split = Function.prototype.call.bind(TheString.prototype.split);
const STYLES = ['long', 'short', 'narrow'];

export class ListFormat {
  #settings;
  constructor(locales, options) {
    const given = optionsOf(options);
    this.#settings = { locale: resolved(locales), type: choice(given, 'type', ['conjunction', 'disjunction', 'unit'], 'conjunction'), style: choice(given, 'style', STYLES, 'long') };
  }
  formatToParts(list) {
    const { type, style, locale } = this.#settings;
    const items = [];
    for (const item of list) {
      if (typeof item !== 'string') throw new TheTypeError('Iterable yielded a non-String value');
      push(items, item);
    }
    const british = isBritish(locale);
    const word = type === 'disjunction' ? 'or' : style === 'long' || british ? 'and' : '&';
    const comma = type === 'unit' && style === 'narrow' ? ' ' : ', ';
    const hasWord = type === 'disjunction' || (type === 'conjunction' && style !== 'narrow');
    const parts = [];
    for (let i = 0; i < items.length; i++) {
      const isLast = i === items.length - 1;
      if (i > 0) push(parts, { type: 'literal', value: !isLast || !hasWord ? comma : items.length === 2 || british ? ` ${word} ` : `, ${word} ` });
      push(parts, { type: 'element', value: items[i] });
    }
    return parts;
  }
  format(list) {
    return joined(this.formatToParts(list));
  }
  resolvedOptions() {
    return { ...this.#settings };
  }
}
announce(ListFormat, 'ListFormat');

const UNITS = ['second', 'minute', 'hour', 'day', 'week', 'month', 'quarter', 'year'];
const SHORT = { second: ' sec.', minute: ' min.', hour: ' hr.', day: ' day', week: ' wk.', month: ' mo.', quarter: ' qtr.', year: ' yr.' };
const NARROW = { second: 's', minute: 'm', hour: 'h', day: 'd', week: 'w', month: 'mo', quarter: 'q', year: 'y' };
const SHORT_NEAR = { week: 'wk.', month: 'mo.', quarter: 'qtr.', year: 'yr.' };

export class RelativeTimeFormat {
  #settings;
  #numbers;
  constructor(locales, options) {
    const given = optionsOf(options);
    this.#settings = { locale: resolved(locales), style: choice(given, 'style', STYLES, 'long'), numeric: choice(given, 'numeric', ['always', 'auto'], 'always'), numberingSystem: 'latn' };
    this.#numbers = new NumberFormat(this.#settings.locale);
  }
  formatToParts(value, unit) {
    const number = +value;
    const text = `${unit}`;
    const name = text[text.length - 1] === 's' ? slice(text, 0, -1) : text;
    if (UNITS.indexOf(name) < 0) throw new TheRangeError(`Invalid unit argument for format() '${text}'`);
    if (number - number !== 0) throw new TheRangeError('Invalid time value');
    const near = this.#settings.numeric === 'auto' ? nearText(number, name, this.#settings.style) : undefined;
    if (near !== undefined) return [{ type: 'literal', value: near }];
    const isPast = number < 0 || Object.is(number, -0);
    const parts = [];
    if (!isPast) push(parts, { type: 'literal', value: 'in ' });
    const digits = this.#numbers.formatToParts(isPast ? -number : number);
    for (const part of digits) push(parts, { ...part, unit: name });
    push(parts, { type: 'literal', value: unitText(name, joined(digits) === '1', this.#settings) + (isPast ? ' ago' : '') });
    return parts;
  }
  format(value, unit) {
    return joined(this.formatToParts(value, unit));
  }
  resolvedOptions() {
    return { ...this.#settings };
  }
}
announce(RelativeTimeFormat, 'RelativeTimeFormat');

function unitText(name, isOne, { style, locale }) {
  if (style === 'narrow') return NARROW[name];
  if (style === 'long') return ` ${name}${isOne ? '' : 's'}`;
  const text = isBritish(locale) ? SHORT[name].replace('.', '') : SHORT[name];
  if (isOne) return text;
  return name === 'day' ? ' days' : name === 'quarter' ? text.replace('qtr', 'qtrs') : text;
}

function nearText(number, name, style) {
  if (name === 'second') return number === 0 ? 'now' : undefined;
  if (number === 0) return name === 'day' ? 'today' : `this ${style === 'long' ? name : (SHORT_NEAR[name] ?? name)}`;
  if (name === 'minute' || name === 'hour' || (number !== 1 && number !== -1)) return undefined;
  if (name === 'day') return number < 0 ? 'yesterday' : 'tomorrow';
  return `${number < 0 ? 'last' : 'next'} ${style === 'long' ? name : SHORT_NEAR[name]}`;
}

export class DisplayNames {
  #settings;
  constructor(locales, options) {
    if (options === undefined) throw new TheTypeError('Cannot convert undefined or null to object');
    const type = choice(options, 'type', ['language', 'region', 'script', 'currency', 'calendar', 'dateTimeField']);
    if (type === undefined) throw new TheTypeError('Required option "type" must not be undefined');
    this.#settings = { locale: resolved(locales), style: choice(options, 'style', STYLES, 'long'), type, fallback: choice(options, 'fallback', ['code', 'none'], 'code') };
  }
  of(code) {
    const { type, fallback } = this.#settings;
    const wanted = type === 'language' ? canonical(`${code}`) : `${code}`.toUpperCase();
    const name = type === 'currency' ? fieldOf(CURRENCIES, wanted) : valueOf(type === 'region' ? REGIONS : type === 'language' ? LANGUAGES : '', wanted);
    return name ?? (fallback === 'code' ? wanted : undefined);
  }
  resolvedOptions() {
    return { ...this.#settings };
  }
}
announce(DisplayNames, 'DisplayNames');

function valueOf(table, code) {
  for (const row of split(table, '|')) if (row.startsWith(`${code}=`)) return slice(row, code.length + 1);
  return undefined;
}

function fieldOf(table, code) {
  for (const row of split(table, '\n')) {
    // The tables have the plural where it is not the singular with an s.
    if (row.startsWith(`${code}|`)) return titled(split(row, '|')[4]);
  }
  return undefined;
}

function titled(text) {
  return text.replace(/(^|[ -])[a-z]/g, (letter) => letter.toUpperCase());
}

let grapheme;
let word;

function patterns() {
  // Extended grapheme clusters without the rules for Indic conjuncts.
  const extend = '[\\p{Grapheme_Extend}\\p{Emoji_Modifier}\\u200d]|\\p{Mc}';
  const pictures = `\\p{Extended_Pictographic}(?:[\\p{Grapheme_Extend}\\p{Emoji_Modifier}]*\\u200d\\p{Extended_Pictographic})*`;
  const hangul = '[\\u1100-\\u115f\\ua960-\\ua97c]*(?:[\\uac00-\\ud7a3]|[\\u1160-\\u11a7])[\\u1160-\\u11ff\\ud7b0-\\ud7fb]*|[\\u1100-\\u115f\\ua960-\\ua97c]+|[\\u11a8-\\u11ff]+';
  grapheme = new RegExp(`\\r\\n|\\p{Cc}|(?:${hangul}|\\p{RI}\\p{RI}|${pictures}|[^\\p{Cc}])(?:${extend})*`, 'gu');
  word = new RegExp("[\\p{L}\\p{N}_\\p{M}]+(?:['’.:·][\\p{L}]+|[.,'’;][\\p{N}]+)*|\\r\\n|[\\p{Zs}]+|(?:\\p{Extended_Pictographic}|[^\\p{Cc}])(?:[\\p{Grapheme_Extend}\\u200d])*|[^]", 'gu');
}

export class Segmenter {
  #settings;
  constructor(locales, options) {
    this.#settings = { locale: resolved(locales), granularity: choice(optionsOf(options), 'granularity', ['grapheme', 'word', 'sentence'], 'grapheme') };
  }
  segment(value) {
    const input = `${value}`;
    const { granularity } = this.#settings;
    if (grapheme === undefined) patterns();
    const pattern = granularity === 'grapheme' ? grapheme : granularity === 'word' ? word : /[^.!?…\n]*(?:[.!?…]+["'”’)\]]*\s*|\n|$)/g;
    const list = () => {
      const segments = [];
      for (const match of input.matchAll(pattern)) {
        if (match[0] === '') continue;
        const row = { segment: match[0], index: match.index, input };
        if (granularity === 'word') row.isWordLike = isWord(match[0]);
        push(segments, row);
      }
      return segments;
    };
    return {
      containing(index = 0) {
        const at = Math.trunc(+index) || 0;
        return list().find((row) => at >= row.index && at < row.index + row.segment.length);
      },
      [Symbol.iterator]: () => list()[Symbol.iterator](),
    };
  }
  resolvedOptions() {
    return { ...this.#settings };
  }
}
announce(Segmenter, 'Segmenter');

let letters;
function isWord(text) {
  letters ??= new RegExp('[\\p{L}\\p{N}]', 'u');
  return letters.test(text);
}

export class Locale {
  #tag;
  #options;
  constructor(tag, options) {
    if (typeof tag !== 'string' && (typeof tag !== 'object' || tag === null)) throw new TheTypeError('First argument to Intl.Locale constructor can\'t be empty or missing');
    this.#tag = canonical(`${tag}`);
    this.#options = optionsOf(options);
  }
  get baseName() {
    const at = indexOf(this.#tag, '-u-');
    return at < 0 ? this.#tag : slice(this.#tag, 0, at);
  }
  get language() {
    return this.#options.language ?? split(this.#tag, '-')[0];
  }
  get region() {
    return this.#options.region ?? /-([A-Z]{2}|\d{3})(?=-|$)/.exec(this.baseName)?.[1];
  }
  get script() {
    return this.#options.script ?? /-([A-Z][a-z]{3})(?=-|$)/.exec(this.baseName)?.[1];
  }
  get numberingSystem() {
    return this.#options.numberingSystem ?? /-u(?:-.*)?-nu-([a-z\d]+)/.exec(this.#tag)?.[1];
  }
  get calendar() {
    return this.#options.calendar ?? /-u(?:-.*)?-ca-([a-z\d]+)/.exec(this.#tag)?.[1];
  }
  get hourCycle() {
    return this.#options.hourCycle ?? /-u(?:-.*)?-hc-([a-z\d]+)/.exec(this.#tag)?.[1];
  }
  getWeekInfo() {
    return isBritish(resolved(this.#tag)) ? { firstDay: 1, weekend: [6, 7] } : { firstDay: 7, weekend: [6, 7] };
  }
  maximize() {
    return this.language === 'en' ? new Locale(`en-Latn-${this.region ?? 'US'}`) : this;
  }
  minimize() {
    return this.language === 'en' && this.region === 'US' ? new Locale('en') : this;
  }
  toString() {
    return this.#tag;
  }
}
announce(Locale, 'Locale');
delete Locale.supportedLocalesOf;
