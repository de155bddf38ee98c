// `Intl.DateTimeFormat`, in English of the United States and of Britain.

import { announce, choice, isBritish, joined, optionsOf, resolved, whole } from './options.js';
import { localZone } from './local.js';
import { zoneOf, zoneText } from './zones.js';
import { TheRangeError, TheTypeError, padStart, push, slice } from '../primordials.js';

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'];
const TheDate = Date;
const now = Date.now;

const WIDTHS = ['narrow', 'short', 'long'];
const DIGITS = ['2-digit', 'numeric'];
const FIELDS = {
  weekday: WIDTHS, era: WIDTHS, year: DIGITS, month: ['2-digit', 'numeric', 'narrow', 'short', 'long'], day: DIGITS, dayPeriod: WIDTHS,
  hour: DIGITS, minute: DIGITS, second: DIGITS,
};
const ZONE_NAMES = ['short', 'long', 'shortOffset', 'longOffset', 'shortGeneric', 'longGeneric'];
const STYLES = ['full', 'long', 'medium', 'short'];
/** What `hour12` false and true mean where hours are usually counted so. */
const HALVES = { h23: ['h23', 'h11'], h12: ['h24', 'h12'] };
const DATE = ['weekday', 'year', 'month', 'day'];
const TIME = ['dayPeriod', 'hour', 'minute', 'second', 'fractionalSecondDigits'];

function settingsOf(locales, given, required, defaults) {
  const options = optionsOf(given);
  const settings = { __proto__: null, locale: resolved(locales), hour12: options.hour12 === undefined ? undefined : !!options.hour12 };
  const cycle = choice(options, 'hourCycle', ['h11', 'h12', 'h23', 'h24']);
  settings.zone = options.timeZone === undefined ? localZone() : zoneOf(options.timeZone);
  for (const name of Object.keys(FIELDS)) settings[name] = choice(options, name, FIELDS[name]);
  settings.fractionalSecondDigits = whole(options, 'fractionalSecondDigits', 1, 3, undefined);
  settings.timeZoneName = choice(options, 'timeZoneName', ZONE_NAMES);
  settings.dateStyle = choice(options, 'dateStyle', STYLES);
  settings.timeStyle = choice(options, 'timeStyle', STYLES);
  const has = (names) => names.some((name) => settings[name] !== undefined);
  if (settings.dateStyle !== undefined || settings.timeStyle !== undefined) {
    if (has(DATE) || has(TIME) || settings.era !== undefined || settings.timeZoneName !== undefined) {
      throw new TheTypeError(`Can't set option ${[...DATE, ...TIME, 'era', 'timeZoneName'].find((name) => settings[name] !== undefined)} when ${settings.dateStyle === undefined ? 'timeStyle' : 'dateStyle'} is used`);
    }
    if (required === 'date' && settings.timeStyle !== undefined) throw new TheTypeError('Invalid option : timeStyle');
    if (required === 'time' && settings.dateStyle !== undefined) throw new TheTypeError('Invalid option : dateStyle');
    expand(settings);
  } else {
    const isMissing = !((required !== 'time' && has(DATE)) || (required !== 'date' && has(TIME)));
    if (isMissing && defaults !== 'time') settings.year = settings.month = settings.day = 'numeric';
    if (isMissing && defaults !== 'date') settings.hour = settings.minute = settings.second = 'numeric';
  }
  if (settings.hour !== undefined) {
    const usual = isBritish(settings.locale) ? 'h23' : 'h12';
    settings.hourCycle = settings.hour12 === undefined ? (cycle ?? usual) : HALVES[usual][settings.hour12 ? 1 : 0];
  }
  return settings;
}

function expand(settings) {
  const { dateStyle, timeStyle } = settings;
  const british = isBritish(settings.locale);
  if (dateStyle !== undefined) {
    settings.year = dateStyle === 'short' && !british ? '2-digit' : 'numeric';
    settings.month = dateStyle === 'short' ? (british ? '2-digit' : 'numeric') : dateStyle === 'medium' ? 'short' : 'long';
    settings.day = dateStyle === 'short' && british ? '2-digit' : 'numeric';
    if (dateStyle === 'full') settings.weekday = 'long';
  }
  if (timeStyle !== undefined) {
    settings.hour = 'numeric';
    settings.minute = '2-digit';
    if (timeStyle !== 'short') settings.second = '2-digit';
    if (timeStyle === 'full') settings.timeZoneName = 'long';
    if (timeStyle === 'long') settings.timeZoneName = 'short';
  }
}

const two = (number) => padStart(`${number}`, 2, '0');

function add(parts, type, value) {
  push(parts, { type, value });
}

function text(parts, value) {
  const last = parts[parts.length - 1];
  if (last !== undefined && last.type === 'literal') last.value += value;
  else push(parts, { type: 'literal', value });
}

function named(name, width) {
  return width === 'narrow' ? name[0] : width === 'short' ? slice(name, 0, 3) : name;
}

function partsOf(settings, instant) {
  if (!(instant <= 8.64e15 && instant >= -8.64e15)) throw new TheRangeError('Invalid time value');
  const local = new TheDate(instant + settings.zone.offset(instant));
  const parts = [];
  const dates = dateParts(settings, local);
  const times = timeParts(settings, local, instant);
  for (const part of dates) push(parts, part);
  if (dates.length > 0 && times.length > 0) {
    const onlyWeekday = dates.length === 1 && settings.weekday !== undefined;
    text(parts, onlyWeekday ? (isBritish(settings.locale) && settings.minute === undefined ? ', ' : ' ') : hasLongMonth(settings) && settings.hour !== undefined ? ' at ' : ', ');
  }
  for (const part of times) push(parts, part);
  return parts;
}

function hasLongMonth({ month }) {
  return month === 'long';
}

function dateParts(settings, local) {
  const { weekday, month, day, era } = settings;
  let { year } = settings;
  const british = isBritish(settings.locale);
  const parts = [];
  const isNumeric = month === undefined || month === 'numeric' || month === '2-digit';
  const full = local.getUTCFullYear();
  const hasEra = era !== undefined;
  if (hasEra && year === undefined && month === undefined && day === undefined && weekday === undefined) return parts;
  const shownYear = hasEra && full <= 0 ? 1 - full : full;
  const values = {
    weekday: weekday === undefined ? undefined : named(DAYS[local.getUTCDay()], weekday),
    year: year === undefined ? undefined : year === '2-digit' ? two(((shownYear % 100) + 100) % 100) : `${shownYear}`,
    month: monthText(month, local, british, british && (year !== undefined || day !== undefined)),
    day: day === undefined ? undefined : day === '2-digit' || (british && isNumeric && month !== undefined) ? two(local.getUTCDate()) : `${local.getUTCDate()}`,
  };
  const put = (name, before) => {
    if (values[name] === undefined) return;
    if (parts.length > 0) text(parts, before);
    add(parts, name, values[name]);
  };
  if (month === undefined) dayAlone(parts, values, put, british);
  else if (isNumeric) {
    put('weekday', '');
    const gap = weekday === undefined ? '/' : british && year === undefined ? ' ' : ', ';
    put(british ? 'day' : 'month', gap);
    put(british ? 'month' : 'day', british && day === undefined ? gap : '/');
    put('year', '/');
  } else if (british) {
    if (weekday !== undefined && day === undefined) {
      put('month', '');
      put('weekday', ' ');
    } else {
      put('weekday', '');
      put('day', year !== undefined ? ', ' : ' ');
      put('month', ' ');
    }
    put('year', ' ');
  } else {
    if (weekday !== undefined && day === undefined) {
      put('month', '');
      put('weekday', ' ');
    } else {
      put('weekday', '');
      put('month', ', ');
      put('day', ' ');
    }
    put('year', day === undefined ? ' ' : ', ');
  }
  if (hasEra) {
    text(parts, ' ');
    add(parts, 'era', (full > 0 ? { narrow: 'A', short: 'AD', long: 'Anno Domini' } : { narrow: 'B', short: 'BC', long: 'Before Christ' })[era]);
  }
  return parts;
}

function monthText(month, local, british, isPadded) {
  if (month === undefined) return undefined;
  const at = local.getUTCMonth();
  if (month === '2-digit' || (month === 'numeric' && isPadded)) return two(at + 1);
  if (month === 'numeric') return `${at + 1}`;
  return british && month === 'short' && at === 8 ? 'Sept' : named(MONTHS[at], month);
}

function dayAlone(parts, values, put, british) {
  if (values.year !== undefined && values.day !== undefined) {
    put('year', '');
    text(parts, ' (day: ');
    add(parts, 'day', values.day);
    text(parts, ')');
    return;
  }
  if (values.day !== undefined && !british) {
    put('day', '');
    put('weekday', ' ');
  } else {
    put('year', '');
    put('weekday', ' ');
    put('day', ' ');
  }
}

const PERIODS = [[12, 'in the morning'], [18, 'in the afternoon'], [21, 'in the evening'], [24, 'at night']];

function periodText(hours, minutes, settings) {
  if (hours === 12 && (minutes === 0 || settings.minute === undefined)) return settings.dayPeriod === 'narrow' ? 'n' : 'noon';
  for (let i = 0; ; i++) if (hours < PERIODS[i][0]) return PERIODS[i][1];
}

function timeParts(settings, local, instant) {
  const { hour, minute, second, fractionalSecondDigits: digits, dayPeriod, timeZoneName } = settings;
  const parts = [];
  const hours = local.getUTCHours();
  const minutes = local.getUTCMinutes();
  const isTwelve = settings.hourCycle === 'h12' || settings.hourCycle === 'h11';
  // So it is in Britain, where minutes are wanted of two digits and hours are not.
  const isBare = isBritish(settings.locale) && minute === '2-digit' && settings.timeStyle === undefined;
  if (hour !== undefined) {
    const shown = settings.hourCycle === 'h12' ? hours % 12 || 12 : settings.hourCycle === 'h11' ? hours % 12 : settings.hourCycle === 'h24' ? hours || 24 : hours;
    add(parts, 'hour', hour === '2-digit' || !(isTwelve || isBare) ? two(shown) : `${shown}`);
  }
  const put = (type, value) => {
    if (parts.length > 0) text(parts, ':');
    add(parts, type, value);
  };
  if (minute !== undefined) put('minute', hour !== undefined || second !== undefined ? two(minutes) : `${minutes}`);
  if (second !== undefined) put('second', minute !== undefined || second === '2-digit' && minute !== undefined ? two(local.getUTCSeconds()) : `${local.getUTCSeconds()}`);
  if (digits !== undefined) {
    const fraction = slice(padStart(`${local.getUTCMilliseconds()}`, 3, '0'), 0, digits);
    if (second !== undefined) text(parts, '.');
    add(parts, 'fractionalSecond', fraction);
  }
  if (dayPeriod !== undefined && (hour === undefined || isTwelve)) {
    if (parts.length > 0) text(parts, ' ');
    add(parts, 'dayPeriod', periodText(hours, minutes, settings));
  } else if (hour !== undefined && isTwelve) {
    text(parts, SPACE);
    const half = hours < 12 ? 'AM' : 'PM';
    add(parts, 'dayPeriod', isBritish(settings.locale) ? half.toLowerCase() : half);
  }
  if (timeZoneName !== undefined) {
    if (parts.length > 0) text(parts, ' ');
    add(parts, 'timeZoneName', zoneText(settings.zone, instant, timeZoneName, isBritish(settings.locale)));
  }
  return parts;
}
/** Before `AM` and `PM`, in parts; texts have a plain space there, as in Node. */
const SPACE = '\u202f';

function textOf(parts) {
  const plain = [];
  for (const part of parts) push(plain, part.value === SPACE ? { value: ' ' } : part);
  return joined(plain);
}

const settingsBy = new WeakMap();

export function DateTimeFormat(locales, options) {
  const made = new.target === undefined ? Object.create(DateTimeFormat.prototype) : this;
  settingsBy.set(made, settingsOf(locales, options, 'any', 'date'));
  return made;
}

function settingsFor(made) {
  const settings = settingsBy.get(made);
  if (settings === undefined) throw new TheTypeError('Method called on incompatible receiver');
  return settings;
}

function instantOf(date) {
  return date === undefined ? now() : +date;
}

/** What `toLocaleString` and its like show. */
export function formatDate(instant, locales, options, required, defaults) {
  return textOf(partsOf(settingsOf(locales, options, required, defaults), instant));
}

/** Two dates, and what is between them. */
function range(settings, from, to) {
  const first = partsOf(settings, instantOf(from));
  const second = partsOf(settings, instantOf(to));
  const [a, b] = [joined(first), joined(second)];
  const parts = [];
  for (const part of first) push(parts, { ...part, source: a === b ? 'shared' : 'startRange' });
  if (a === b) return parts;
  push(parts, { type: 'literal', value: ' – ', source: 'shared' });
  for (const part of second) push(parts, { ...part, source: 'endRange' });
  return parts;
}

const methods = {
  get format() {
    const settings = settingsFor(this);
    return (settings.format ??= (date) => textOf(partsOf(settings, instantOf(date))));
  },
  formatToParts(date) {
    return partsOf(settingsFor(this), instantOf(date));
  },
  formatRange(from, to) {
    return textOf(range(settingsFor(this), from, to));
  },
  formatRangeToParts(from, to) {
    return range(settingsFor(this), from, to);
  },
  resolvedOptions() {
    const s = settingsFor(this);
    const shown = { locale: s.locale, calendar: 'gregory', numberingSystem: 'latn', timeZone: s.zone.name };
    if (s.hourCycle !== undefined) Object.assign(shown, { hourCycle: s.hourCycle, hour12: s.hourCycle === 'h12' || s.hourCycle === 'h11' });
    const isStyled = s.dateStyle !== undefined || s.timeStyle !== undefined;
    for (const name of isStyled ? ['dateStyle', 'timeStyle'] : [...Object.keys(FIELDS), 'fractionalSecondDigits', 'timeZoneName']) {
      if (s[name] === undefined) continue;
      const isPadded = name === 'minute' || name === 'second' ? s.hour !== undefined : false;
      shown[name] = isPadded || (name === 'hour' && s.hourCycle === 'h23') ? '2-digit' : s[name];
    }
    return shown;
  },
};
for (const key of Object.keys(methods)) {
  Object.defineProperty(DateTimeFormat.prototype, key, { ...Object.getOwnPropertyDescriptor(methods, key), enumerable: false });
}
announce(DateTimeFormat, 'DateTimeFormat');
