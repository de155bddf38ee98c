// `Intl.NumberFormat` and `Intl.PluralRules`, in English.

import { CURRENCIES, UNITS } from './tables/english.js';
import { announce, choice, isBritish, joined, optionsOf, resolved, whole } from './options.js';
import { TheBigInt, TheRangeError, TheString, TheTypeError, indexOf, is, push, repeat, slice, upperCase } from '../primordials.js';

const { call } = Function.prototype;
const split = call.bind(TheString.prototype.split);
const replace = call.bind(TheString.prototype.replace);
const trim = call.bind(TheString.prototype.trim);
const test = call.bind(RegExp.prototype.test);

const rows = { __proto__: null };

function row(table, key) {
  const kept = (rows[table === UNITS ? 'unit' : 'currency'] ??= { __proto__: null });
  if (kept.all === undefined) {
    kept.all = { __proto__: null };
    const lines = split(table, '\n');
    for (let i = 0; i < lines.length; i++) {
      const fields = split(lines[i], '|');
      kept.all[fields[0]] = fields;
    }
  }
  return kept.all[key];
}

/** A number as `{isNegative, digits, point}`: 0.digits times ten to the power of `point`; or its name, where it is none. */
function decimal(value) {
  if (typeof value === 'bigint') return decimalOf(`${value}`);
  if (typeof value === 'string' && test(/^\s*[+-]?\d+(\.\d*)?\s*$/, value)) return decimalOf(trim(value));
  const number = +value;
  if (number !== number) return { isNegative: false, name: 'NaN' };
  if (number === Infinity || number === -Infinity) return { isNegative: number < 0, name: '∞' };
  return decimalOf(is(number, -0) ? '-0' : `${number}`);
}

function decimalOf(text) {
  const isNegative = text[0] === '-';
  let digits = '';
  let point = 0;
  let seen = false;
  let power = 0;
  for (let i = isNegative || text[0] === '+' ? 1 : 0; i < text.length; i++) {
    const letter = text[i];
    if (letter === 'e') {
      power = +slice(text, i + 1);
      break;
    }
    if (letter === '.') seen = true;
    else if (letter !== 'n') {
      digits += letter;
      if (!seen) point++;
    }
  }
  let zeros = 0;
  while (zeros < digits.length && digits[zeros] === '0') zeros++;
  let end = digits.length;
  while (end > zeros && digits[end - 1] === '0') end--;
  digits = slice(digits, zeros, end);
  return { isNegative, digits, point: digits === '' ? 0 : point - zeros + power };
}

const MODES = ['ceil', 'floor', 'expand', 'trunc', 'halfCeil', 'halfFloor', 'halfExpand', 'halfTrunc', 'halfEven'];

/** Whether what is left out rounds the rest up, away from zero. */
function roundsUp({ isNegative, digits }, kept, mode) {
  if (kept >= digits.length) return false;
  const grows = mode === 'expand' || (mode === 'ceil' && !isNegative) || (mode === 'floor' && isNegative);
  if (grows) return true;
  if (mode === 'trunc' || mode === 'ceil' || mode === 'floor') return false;
  const first = kept < 0 ? '0' : digits[kept];
  if (first !== '5' || (kept >= 0 && digits.length > kept + 1)) return first >= '5';
  if (mode === 'halfExpand' || (mode === 'halfCeil' && !isNegative) || (mode === 'halfFloor' && isNegative)) return true;
  return mode === 'halfEven' && kept > 0 && indexOf('13579', digits[kept - 1]) >= 0;
}

/** With so many of its digits. */
function cut(number, kept, mode) {
  const { isNegative, digits, point } = number;
  if (number.name !== undefined || kept >= digits.length) return number;
  const up = digits !== '' && roundsUp(number, kept, mode);
  let list = kept <= 0 ? '' : slice(digits, 0, kept);
  if (!up) return trimmed(isNegative, list, point);
  if (kept <= 0) return { isNegative, digits: '1', point: point - kept + 1 };
  let at = kept - 1;
  while (at >= 0 && list[at] === '9') at--;
  if (at < 0) return { isNegative, digits: '1', point: point + 1 };
  list = slice(list, 0, at) + `${+list[at] + 1}`;
  return trimmed(isNegative, list, point);
}

function trimmed(isNegative, digits, point) {
  let end = digits.length;
  while (end > 0 && digits[end - 1] === '0') end--;
  return end === 0 ? { isNegative, digits: '', point: 0 } : { isNegative, digits: slice(digits, 0, end), point };
}

const INCREMENTS = [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 2500, 5000];

/** Times a whole number. */
function times({ isNegative, digits, point }, factor) {
  const product = `${TheBigInt(digits) * TheBigInt(factor)}`;
  return trimmed(isNegative, product, point + product.length - digits.length);
}

/** Rounded to a multiple of the increment in the last digit. Each increment divides 10,000, so nothing is lost. */
function toIncrement(number, { roundingIncrement: increment, maximumFractionDigits: most, roundingMode: mode }) {
  if (number.digits === '') return number;
  const parts = times(number, 10_000 / increment);
  parts.point -= 4;
  const kept = cut(parts, parts.point + most, mode);
  return kept.digits === '' ? kept : times(kept, increment);
}

/** Rounded as the digits options say. */
function rounded(number, settings) {
  if (number.name !== undefined) return number;
  const mode = settings.roundingMode;
  if (settings.roundingIncrement > 1) number = toIncrement(number, settings);
  const byFraction = () => cut(number, number.point + settings.maximumFractionDigits, mode);
  const bySignificant = () => cut(number, settings.maximumSignificantDigits, mode);
  if (settings.kind === 'compact') {
    return number.point > 1 ? cut(number, number.point, mode) : cut(number, 2, mode);
  }
  if (settings.kind === 'significant') return bySignificant();
  if (settings.kind === 'fraction') return byFraction();
  const places = number.point + settings.maximumFractionDigits;
  const isFiner = settings.maximumSignificantDigits > places;
  return (settings.kind === 'morePrecision') === isFiner ? bySignificant() : byFraction();
}

function placed({ digits, point }, settings) {
  let integer = point > 0 ? slice(digits, 0, point) : '';
  if (point > integer.length) integer += repeat('0', point - integer.length);
  let fraction = point >= 0 ? slice(digits, point) : repeat('0', -point) + digits;
  if (settings.kind !== 'significant' && settings.kind !== 'compact') {
    const least = settings.minimumFractionDigits;
    if (fraction.length < least) fraction += repeat('0', least - fraction.length);
  } else if (settings.kind === 'significant') {
    const least = settings.minimumSignificantDigits;
    const has = (digits === '' ? 1 : point > 0 ? integer.length : 0) + (point > 0 ? fraction.length : digits === '' ? 0 : fraction.length + point);
    if (has < least) fraction += repeat('0', least - has);
  }
  if (settings.trailingZeroDisplay === 'stripIfInteger' && test(/^0*$/, fraction)) fraction = '';
  if (integer.length < settings.minimumIntegerDigits) integer = repeat('0', settings.minimumIntegerDigits - integer.length) + integer;
  return { integer, fraction };
}

function addInteger(parts, integer, groups) {
  if (!groups || integer.length < 4) {
    push(parts, { type: 'integer', value: integer });
    return;
  }
  let end = integer.length % 3;
  if (end > 0) push(parts, { type: 'integer', value: slice(integer, 0, end) });
  for (; end < integer.length; end += 3) {
    if (end > 0) push(parts, { type: 'group', value: ',' });
    push(parts, { type: 'integer', value: slice(integer, end, end + 3) });
  }
}

const COMPACT = ['', ['K', ' thousand', 'k'], ['M', ' million', 'm'], ['B', ' billion', 'bn'], ['T', ' trillion', 'tn']];

/** The number between its sign and its unit, as parts; answers also what decides of singular and plural. */
function core(number, settings) {
  const parts = [];
  if (number.name !== undefined) {
    push(parts, { type: number.name === 'NaN' ? 'nan' : 'infinity', value: number.name });
    return { parts, isOne: false, isZero: false };
  }
  const { notation } = settings;
  let shown = number;
  let power = 0;
  if (notation === 'standard') {
    shown = rounded(number, settings);
  } else if (number.digits !== '') {
    const step = (point) => (notation === 'scientific' ? point - 1 : notation === 'engineering' ? Math.floor((point - 1) / 3) * 3 : Math.max(0, Math.min(12, Math.floor((point - 1) / 3) * 3)));
    power = step(number.point);
    shown = rounded({ ...number, point: number.point - power }, settings);
    const again = step(shown.point + power);
    if (shown.digits !== '' && again !== power) {
      power = again;
      shown = rounded({ ...number, point: number.point - power }, settings);
    }
  }
  const { integer, fraction } = placed(shown, settings);
  const { useGrouping } = settings;
  const groups = useGrouping === 'min2' ? integer.length > 4 : useGrouping !== false;
  addInteger(parts, integer === '' ? '0' : integer, groups);
  if (fraction !== '') {
    push(parts, { type: 'decimal', value: '.' });
    push(parts, { type: 'fraction', value: fraction });
  }
  if (notation === 'compact' && power > 0) {
    const text = COMPACT[power / 3][settings.compactDisplay === 'long' ? 1 : isBritish(settings.locale) ? 2 : 0];
    if (text[0] === ' ') push(parts, { type: 'literal', value: ' ' });
    push(parts, { type: 'compact', value: text[0] === ' ' ? slice(text, 1) : text });
  } else if (notation === 'scientific' || notation === 'engineering') {
    push(parts, { type: 'exponentSeparator', value: 'E' });
    if (power < 0) push(parts, { type: 'exponentMinusSign', value: '-' });
    push(parts, { type: 'exponentInteger', value: `${Math.abs(power)}` });
  }
  return { parts, isOne: integer === '1' && fraction === '' && power === 0, isZero: shown.digits === '' };
}

function signOf({ isNegative, name }, isZero, display) {
  if (name === 'NaN') return display === 'always' ? '+' : '';
  if (display === 'never') return '';
  if (display === 'negative') return isNegative && !isZero ? '-' : '';
  if (display === 'exceptZero' && isZero) return '';
  if (isNegative) return '-';
  return display === 'auto' ? '' : '+';
}

/** A text with `#` for the number, around its parts. */
function around(pattern, inner, type, parts) {
  const at = indexOf(pattern, '#');
  const add = (text, isBefore) => {
    if (text === '') return;
    const space = isBefore ? text[text.length - 1] : text[0];
    const bare = space === ' ' ? (isBefore ? slice(text, 0, -1) : slice(text, 1)) : text;
    if (!isBefore && space === ' ') push(parts, { type: 'literal', value: ' ' });
    push(parts, { type, value: bare });
    if (isBefore && space === ' ') push(parts, { type: 'literal', value: ' ' });
  };
  add(slice(pattern, 0, at), true);
  for (let i = 0; i < inner.length; i++) push(parts, inner[i]);
  add(slice(pattern, at + 1), false);
}

function unitPattern(settings, isOne) {
  const pattern = americanPattern(settings, isOne);
  if (!isBritish(settings.locale) || settings.unitDisplay !== 'long') return pattern;
  return replace(replace(pattern, 'liter', 'litre'), 'meter', 'metre');
}

function americanPattern({ unit, unitDisplay }, isOne) {
  const at = { short: 1, narrow: 3, long: 5 }[unitDisplay] + (isOne ? 0 : 1);
  const own = row(UNITS, unit);
  if (own !== undefined) return own[at];
  const [first, second] = split(unit, '-per-');
  const below = row(UNITS, second)[unitDisplay === 'long' ? 5 : unitDisplay === 'short' ? 1 : 3];
  const bare = trim(replace(below, '#', ''));
  return row(UNITS, first)[at] + (unitDisplay === 'long' ? ` per ${bare}` : `/${bare}`);
}

function partsOf(value, settings) {
  let number = decimal(value);
  if (settings.style === 'percent' && number.name === undefined && number.digits !== '') number = { ...number, point: number.point + 2 };
  const { parts: inner, isOne, isZero } = core(number, settings);
  const sign = signOf(number, isZero, settings.signDisplay);
  const parts = [];
  const isAccounting = settings.currencySign === 'accounting' && settings.style === 'currency' && sign === '-' && settings.currencyDisplay !== 'name';
  if (isAccounting) push(parts, { type: 'literal', value: '(' });
  else if (sign !== '') push(parts, { type: sign === '-' ? 'minusSign' : 'plusSign', value: sign });
  if (settings.style === 'currency') addCurrency(parts, inner, isOne, settings);
  else if (settings.style === 'unit') around(unitPattern(settings, isOne), inner, 'unit', parts);
  else for (let i = 0; i < inner.length; i++) push(parts, inner[i]);
  if (settings.style === 'percent') push(parts, { type: 'percentSign', value: '%' });
  if (isAccounting) push(parts, { type: 'literal', value: ')' });
  return parts;
}

function addCurrency(parts, inner, isOne, { currency, currencyDisplay, locale }) {
  const fields = row(CURRENCIES, currency) ?? [currency];
  if (currencyDisplay === 'name') {
    const one = fields[4] || currency;
    for (let i = 0; i < inner.length; i++) push(parts, inner[i]);
    push(parts, { type: 'literal', value: ' ' });
    push(parts, { type: 'currency', value: isOne || fields[4] === undefined ? one : fields[5] || `${one}s` });
    return;
  }
  const usual = fields[1] || currency;
  const symbol =
    currencyDisplay === 'code' ? currency : currencyDisplay === 'narrowSymbol' ? fields[3] || usual : isBritish(locale) ? fields[2] || usual : usual;
  push(parts, { type: 'currency', value: symbol });
  if (test(/[A-Za-z]$/, symbol) && inner[0].type === 'integer') push(parts, { type: 'literal', value: '\xa0' });
  for (let i = 0; i < inner.length; i++) push(parts, inner[i]);
}

/** What `NumberFormat` and `PluralRules` share: how many digits are shown. */
function digitSettings(options, settings, usualLeast, usualMost) {
  settings.minimumIntegerDigits = whole(options, 'minimumIntegerDigits', 1, 21, 1);
  const { minimumFractionDigits: least, maximumFractionDigits: most, minimumSignificantDigits: few, maximumSignificantDigits: many } = options;
  settings.roundingMode = choice(options, 'roundingMode', MODES, 'halfExpand');
  const increment = whole(options, 'roundingIncrement', 1, 5000, 1);
  let isKnown = false;
  for (let i = 0; i < INCREMENTS.length; i++) isKnown ||= INCREMENTS[i] === increment;
  if (!isKnown) throw new TheRangeError('roundingIncrement value is out of range.');
  settings.roundingIncrement = increment;
  if (increment > 1) usualMost = usualLeast;
  const priority = choice(options, 'roundingPriority', ['auto', 'morePrecision', 'lessPrecision'], 'auto');
  settings.trailingZeroDisplay = choice(options, 'trailingZeroDisplay', ['auto', 'stripIfInteger'], 'auto');
  const hasSignificant = few !== undefined || many !== undefined;
  const hasFraction = least !== undefined || most !== undefined;
  settings.minimumSignificantDigits = whole(options, 'minimumSignificantDigits', 1, 21, 1);
  settings.maximumSignificantDigits = whole(options, 'maximumSignificantDigits', settings.minimumSignificantDigits, 21, 21);
  let low = whole(options, 'minimumFractionDigits', 0, 100, undefined);
  let high = whole(options, 'maximumFractionDigits', 0, 100, undefined);
  if (low === undefined) low = high === undefined ? usualLeast : Math.min(usualLeast, high);
  else if (high === undefined) high = Math.max(usualMost, low);
  else if (low > high) throw new TheRangeError('maximumFractionDigits value is out of range.');
  settings.minimumFractionDigits = low;
  settings.maximumFractionDigits = high ?? Math.max(usualMost, low);
  if (increment > 1) {
    if (priority !== 'auto' || hasSignificant) throw new TheTypeError('RoundingType is not fractionDigits');
    if (settings.maximumFractionDigits !== low) throw new TheRangeError('maximumFractionDigits value is out of range.');
    settings.kind = 'fraction';
  } else if (priority !== 'auto') settings.kind = priority;
  else if (hasSignificant) settings.kind = 'significant';
  else if (hasFraction || settings.notation !== 'compact') settings.kind = 'fraction';
  else settings.kind = 'compact';
}

function currencyDigits(currency) {
  return +(row(CURRENCIES, currency)?.[6] || 2);
}

function settingsOf(locales, given) {
  const options = optionsOf(given);
  const settings = { __proto__: null, locale: resolved(locales) };
  settings.style = choice(options, 'style', ['decimal', 'percent', 'currency', 'unit'], 'decimal');
  const currency = choice(options, 'currency');
  if (currency !== undefined && !test(/^[a-z]{3}$/i, currency)) throw new TheRangeError(`Invalid currency code : ${currency}`);
  if (settings.style === 'currency' && currency === undefined) throw new TheTypeError('Currency code is required with currency style.');
  settings.currency = currency === undefined ? undefined : upperCase(currency);
  settings.currencyDisplay = choice(options, 'currencyDisplay', ['code', 'symbol', 'narrowSymbol', 'name'], 'symbol');
  settings.currencySign = choice(options, 'currencySign', ['standard', 'accounting'], 'standard');
  settings.unit = choice(options, 'unit');
  if (settings.unit !== undefined && !isUnit(settings.unit)) throw new TheRangeError(`Invalid unit argument for Intl.NumberFormat() '${settings.unit}'`);
  if (settings.style === 'unit' && settings.unit === undefined) throw new TheTypeError('Unit is required with unit style.');
  settings.unitDisplay = choice(options, 'unitDisplay', ['short', 'narrow', 'long'], 'short');
  settings.notation = choice(options, 'notation', ['standard', 'scientific', 'engineering', 'compact'], 'standard');
  const places = settings.style === 'currency' && settings.notation === 'standard' ? currencyDigits(settings.currency) : 0;
  const most = settings.style === 'currency' && settings.notation === 'standard' ? places : settings.style === 'percent' || settings.notation === 'compact' ? 0 : 3;
  digitSettings(options, settings, places, most);
  settings.compactDisplay = choice(options, 'compactDisplay', ['short', 'long'], 'short');
  const groups = options.useGrouping;
  const usual = settings.notation === 'compact' ? 'min2' : 'auto';
  settings.useGrouping = groups === undefined || groups === 'true' || groups === 'false' ? usual : groups === true ? 'always' : !groups ? false : choice(options, 'useGrouping', ['min2', 'auto', 'always'], usual);
  settings.signDisplay = choice(options, 'signDisplay', ['auto', 'never', 'always', 'exceptZero', 'negative'], 'auto');
  return settings;
}

function isUnit(unit) {
  if (row(UNITS, unit) !== undefined) return true;
  const [first, second, third] = split(unit, '-per-');
  return second !== undefined && third === undefined && row(UNITS, first) !== undefined && row(UNITS, second) !== undefined;
}

export function NumberFormat(locales, options) {
  const made = new.target === undefined ? Object.create(NumberFormat.prototype) : this;
  const settings = settingsOf(locales, options);
  settingsBy.set(made, settings);
  return made;
}
const settingsBy = new WeakMap();

function settingsFor(made) {
  const settings = settingsBy.get(made);
  if (settings === undefined) throw new TheTypeError('Method called on incompatible receiver');
  return settings;
}

export function formatNumber(value, locales, options) {
  return joined(partsOf(value, settingsOf(locales, options)));
}

const numberMethods = {
  get format() {
    const settings = settingsFor(this);
    return (settings.format ??= (value) => joined(partsOf(value, settings)));
  },
  formatToParts(value) {
    return partsOf(value, settingsFor(this));
  },
  formatRange(from, to) {
    const settings = settingsFor(this);
    const [first, second] = [joined(partsOf(from, settings)), joined(partsOf(to, settings))];
    if (first === second) return `~${first}`;
    if (settings.style === 'currency' && settings.currencyDisplay !== 'name') return `${first} – ${second}`;
    return `${first}–${second}`;
  },
  resolvedOptions() {
    const s = settingsFor(this);
    const shown = { locale: s.locale, numberingSystem: 'latn', style: s.style };
    if (s.style === 'currency') Object.assign(shown, { currency: s.currency, currencyDisplay: s.currencyDisplay, currencySign: s.currencySign });
    if (s.style === 'unit') Object.assign(shown, { unit: s.unit, unitDisplay: s.unitDisplay });
    shown.minimumIntegerDigits = s.minimumIntegerDigits;
    if (s.kind !== 'fraction') {
      const isCompact = s.kind === 'compact';
      Object.assign(shown, { minimumSignificantDigits: isCompact ? 1 : s.minimumSignificantDigits, maximumSignificantDigits: isCompact ? 2 : s.maximumSignificantDigits });
    }
    if (s.kind !== 'significant') Object.assign(shown, { minimumFractionDigits: s.minimumFractionDigits, maximumFractionDigits: s.maximumFractionDigits });
    Object.assign(shown, { useGrouping: s.useGrouping, notation: s.notation });
    if (s.notation === 'compact') shown.compactDisplay = s.compactDisplay;
    const roundingPriority = s.kind === 'compact' ? 'morePrecision' : s.kind === 'fraction' || s.kind === 'significant' ? 'auto' : s.kind;
    return Object.assign(shown, { signDisplay: s.signDisplay, roundingMode: s.roundingMode, roundingIncrement: s.roundingIncrement, trailingZeroDisplay: s.trailingZeroDisplay, roundingPriority });
  },
};
define(NumberFormat, numberMethods, 'NumberFormat');

function define(constructor, methods, name) {
  for (const key of Object.keys(methods)) {
    Object.defineProperty(constructor.prototype, key, { ...Object.getOwnPropertyDescriptor(methods, key), enumerable: false });
  }
  announce(constructor, name);
}

export class PluralRules {
  #settings;
  constructor(locales, options) {
    const given = optionsOf(options);
    this.#settings = { __proto__: null, locale: resolved(locales), type: choice(given, 'type', ['cardinal', 'ordinal'], 'cardinal'), notation: 'standard' };
    digitSettings(given, this.#settings, 0, 3);
  }
  select(value) {
    const number = decimal(value);
    if (number.name !== undefined) return 'other';
    const { integer, fraction } = placed(rounded(number, this.#settings), this.#settings);
    if (this.#settings.type === 'cardinal') return integer === '1' && fraction === '' ? 'one' : 'other';
    if (fraction !== '') return 'other';
    const [tens, ones] = [integer[integer.length - 2], integer[integer.length - 1]];
    if (tens === '1') return 'other';
    return ones === '1' ? 'one' : ones === '2' ? 'two' : ones === '3' ? 'few' : 'other';
  }
  resolvedOptions() {
    const { locale, type, minimumIntegerDigits, minimumFractionDigits, maximumFractionDigits, roundingIncrement, roundingMode, trailingZeroDisplay } = this.#settings;
    const pluralCategories = type === 'cardinal' ? ['one', 'other'] : ['few', 'one', 'two', 'other'];
    return {
      locale, type, minimumIntegerDigits, minimumFractionDigits, maximumFractionDigits, pluralCategories,
      roundingIncrement, roundingMode, roundingPriority: 'auto', trailingZeroDisplay,
    };
  }
}
announce(PluralRules, 'PluralRules');
