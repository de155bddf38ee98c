// What the engine is made without: properties in regular expressions, normal forms of text, `Intl`.
//
// Its tables are texts that are read when a script first needs them.

import { DateTimeFormat, formatDate } from './dates.js';
import { DisplayNames, ListFormat, Locale, RelativeTimeFormat, Segmenter } from './lists.js';
import { NumberFormat, PluralRules, formatNumber } from './numbers.js';
import { announce, canonicalList, choice, optionsOf, resolved } from './options.js';
import * as regexp from './regexp.js';
import { CURRENCIES, UNITS } from './tables/english.js';
import { zoneList } from './zones.js';
import { TheBigInt, TheNumber, TheRangeError, apply, dateValue, define } from '../primordials.js';

const numberValue = TheNumber.prototype.valueOf;
const bigintValue = TheBigInt.prototype.valueOf;

function Collator(locales, options) {
  const made = new.target === undefined ? Object.create(Collator.prototype) : this;
  const given = optionsOf(options);
  settingsBy.set(made, {
    locale: resolved(locales),
    usage: choice(given, 'usage', ['sort', 'search'], 'sort'),
    sensitivity: choice(given, 'sensitivity', ['base', 'accent', 'case', 'variant'], 'variant'),
    ignorePunctuation: !!given.ignorePunctuation,
    collation: 'default',
    numeric: !!given.numeric,
    caseFirst: choice(given, 'caseFirst', ['upper', 'lower', 'false'], 'false'),
  });
  return made;
}
const settingsBy = new WeakMap();
const collatorMethods = {
  get compare() {
    const settings = settingsBy.get(this);
    return (settings.compare ??= (a, b) => compare(`${a}`, `${b}`, settings));
  },
  resolvedOptions() {
    const { compare: own, ...shown } = settingsBy.get(this);
    return shown;
  },
};
for (const key of Object.keys(collatorMethods)) {
  Object.defineProperty(Collator.prototype, key, { ...Object.getOwnPropertyDescriptor(collatorMethods, key), enumerable: false });
}
announce(Collator, 'Collator');
/** The order of texts. */
let compare;

function supportedValuesOf(key) {
  const column = (table) => table.split('\n').map((row) => row.split('|')[0]);
  switch (`${key}`) {
    case 'timeZone':
      return zoneList();
    case 'currency':
      return column(CURRENCIES);
    case 'unit':
      return column(UNITS).filter((name) => name === name.split('-per-')[0]);
    case 'calendar':
      return ['gregory', 'iso8601'];
    case 'collation':
      return ['default'];
    case 'numberingSystem':
      return ['latn'];
    default:
      throw new TheRangeError(`Invalid key : ${key}`);
  }
}

/** `compared` is `localeCompare`'s order. */
export function install(global, compared) {
  compare = compared;
  regexp.install(global);
  const Intl = {};
  const members = {
    Collator, DateTimeFormat, DisplayNames, ListFormat, Locale, NumberFormat, PluralRules, RelativeTimeFormat, Segmenter,
    getCanonicalLocales: (locales) => canonicalList(locales),
    supportedValuesOf,
  };
  for (const name of Object.keys(members)) define(Intl, name, members[name]);
  Object.defineProperty(Intl, Symbol.toStringTag, { value: 'Intl', configurable: true });
  define(global, 'Intl', Intl);
  const dates = { toLocaleString: ['any', 'all'], toLocaleDateString: ['date', 'date'], toLocaleTimeString: ['time', 'time'] };
  for (const name of Object.keys(dates)) {
    const [required, defaults] = dates[name];
    const method = {
      [name](locales, options) {
        const instant = dateValue(this);
        return instant === instant ? formatDate(instant, locales, options, required, defaults) : 'Invalid Date';
      },
    }[name];
    define(Date.prototype, name, method);
  }
  define(TheNumber.prototype, 'toLocaleString', function toLocaleString(locales, options) {
    return formatNumber(apply(numberValue, this, []), locales, options);
  });
  define(TheBigInt.prototype, 'toLocaleString', function toLocaleString(locales, options) {
    return formatNumber(apply(bigintValue, this, []), locales, options);
  });
}
