// Local time: the zone that `TZ` names, which the engine does not know. To it UTC is local.
//
// The host sends when the zone's offset changes. Then `Date` and the methods that mean local
// time are replaced; without a zone everything stays the engine's own.

import {
  TheString, apply, construct, dateValue, define, defineProperty, floor, getOwnPropertyDescriptor, isFinite, slice, startsWith,
} from './primordials.js';
import { STDERR, print } from './seam.js';

const uncurry = Function.prototype.bind.bind(Function.prototype.call);
const TheDate = Date;
const { prototype, UTC, now, parse } = Date;
const setTime = uncurry(prototype.setTime);
const exec = uncurry(RegExp.prototype.exec);
const padStart = uncurry(TheString.prototype.padStart);

const PARTS = ['FullYear', 'Month', 'Date', 'Day', 'Hours', 'Minutes', 'Seconds', 'Milliseconds'];
const REPLACED = ['toString', 'toDateString', 'toTimeString', 'getTimezoneOffset', 'getYear', 'constructor'];
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const UTC_NAMES = ['', 'UTC', 'UTC0', 'GMT', 'GMT0', 'Etc/UTC', 'Etc/GMT', 'Z', 'Zulu', 'Etc/Zulu', 'Universal', 'UCT'];
const DAY = 86400000;

const reads = { __proto__: null };
const writes = { __proto__: null };
for (const part of PARTS) {
  reads[part] = uncurry(prototype[`getUTC${part}`]);
  if (part !== 'Day') writes[part] = prototype[`setUTC${part}`];
}

/** [from, offset, abbreviation], milliseconds each, in order; undefined while local time is UTC. */
let changes;
/** What was replaced. */
let real;

/** The name of the zone of a run; undefined where local time is UTC. */
let own;

export function localName() {
  return own;
}

/** Milliseconds that local time is ahead of UTC. */
export function offsetAt(instant) {
  return changes === undefined ? 0 : at(instant)[1];
}

/** Takes the zone of a run. */
export function begin(name, zone) {
  changes = zone;
  own = zone === undefined || typeof name !== 'string' ? undefined : startsWith(name, ':') ? slice(name, 1) : name;
  if (zone !== undefined) install();
  else if (real !== undefined) restore();
  if (zone !== undefined || typeof name !== 'string') return;
  const bare = startsWith(name, ':') ? slice(name, 1) : name;
  for (let i = 0; i < UTC_NAMES.length; i++) if (UTC_NAMES[i] === bare) return;
  print(STDERR, `note: there is no time zone \`${slice(name, 0, 100)}\` here: local time is UTC\n`);
}

/** What holds at an instant. */
function at(instant) {
  let low = 0;
  let high = changes.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (changes[middle][0] <= instant) low = middle;
    else high = middle - 1;
  }
  return changes[low];
}

/** The instant of a local time: the first of two, and as before the change where there is none. */
function instantOf(local) {
  if (!isFinite(local)) return NaN;
  const before = at(local - DAY)[1];
  const after = at(local + DAY)[1];
  if (at(local - before)[1] === before) return local - before;
  return at(local - after)[1] === after ? local - after : local - before;
}

/** The date whose parts in UTC are the local ones of this. */
function shifted(date) {
  const instant = dateValue(date);
  return new TheDate(instant === instant ? instant + at(instant)[1] : NaN);
}

/** A part of a date in local time: 'FullYear', 'Hours'. */
export function field(date, part) {
  return reads[part](changes === undefined ? date : shifted(date));
}

const two = (number) => padStart(`${number}`, 2, '0');

function dayText(date) {
  const year = reads.FullYear(date);
  const digits = padStart(`${year < 0 ? -year : year}`, year < 0 ? 6 : 4, '0');
  return `${DAYS[reads.Day(date)]} ${MONTHS[reads.Month(date)]} ${two(reads.Date(date))} ${year < 0 ? '-' : ''}${digits}`;
}

function clockText(date, [, offset, name]) {
  const minutes = floor((offset < 0 ? -offset : offset) / 60000);
  const zone = `${offset < 0 ? '-' : '+'}${two(floor(minutes / 60))}${two(minutes % 60)}`;
  return `${two(reads.Hours(date))}:${two(reads.Minutes(date))}:${two(reads.Seconds(date))} GMT${zone} (${name})`;
}

function textOf(date, day, clock) {
  const instant = dateValue(date);
  if (instant !== instant) return 'Invalid Date';
  const local = shifted(date);
  if (!clock) return dayText(local);
  const time = clockText(local, at(instant));
  return day ? `${dayText(local)} ${time}` : time;
}

const methods = {
  toString() {
    return textOf(this, true, true);
  },
  toDateString() {
    return textOf(this, true, false);
  },
  toTimeString() {
    return textOf(this, false, true);
  },
  getTimezoneOffset() {
    const instant = dateValue(this);
    return instant === instant ? -at(instant)[1] / 60000 : NaN;
  },
  getYear() {
    return field(this, 'FullYear') - 1900;
  },
};

function getter(part) {
  const name = `get${part}`;
  return {
    [name]() {
      return field(this, part);
    },
  }[name];
}

function setter(part) {
  const name = `set${part}`;
  const write = writes[part];
  return {
    [name](...values) {
      let local = shifted(this);
      if (part === 'FullYear' && dateValue(local) !== dateValue(local)) local = new TheDate(0);
      return setTime(this, instantOf(apply(write, local, values)));
    },
  }[name];
}

const ISO_DAY = /^\s*[+-]?\d{4,6}(-\d\d(-\d\d)?)?\s*$/;
const ISO_TIME = /^\s*[+-]?\d{4,6}(-\d\d){0,2}T/;
const ISO_ZONE = /(Z|[+-]\d\d:?\d\d)\s*$/i;
const ZONE = /\b(GMT|UTC?|Z|[ECMP][SD]T)\b|\d\s*[+-]\d{2}:?\d{2}\s*(\(.*)?$/i;

/** Whether a text says which zone its time is of; a day of ISO 8601 is one of UTC. */
function saysZone(text) {
  if (exec(ISO_DAY, text) !== null) return true;
  return exec(exec(ISO_TIME, text) !== null ? ISO_ZONE : ZONE, text) !== null;
}

function parsed(text) {
  const instant = parse(text);
  return instant !== instant || saysZone(`${text}`) ? instant : instantOf(instant);
}

function instantFrom(values) {
  if (values.length === 0) return now();
  if (values.length > 1) return instantOf(apply(UTC, undefined, values));
  return typeof values[0] === 'string' ? parsed(values[0]) : dateValue(new TheDate(values[0]));
}

function LocalDate(...values) {
  if (new.target === undefined) return textOf(new TheDate(now()), true, true);
  return construct(TheDate, [instantFrom(values)], new.target);
}
defineProperty(LocalDate, 'name', { __proto__: null, value: 'Date', configurable: true });
defineProperty(LocalDate, 'length', { __proto__: null, value: 7, configurable: true });
defineProperty(LocalDate, 'prototype', { __proto__: null, value: prototype, writable: false });
define(LocalDate, 'now', now);
define(LocalDate, 'UTC', UTC);
define(LocalDate, 'parse', parsed);

function install() {
  if (real !== undefined) return;
  real = { __proto__: null };
  const replace = (name, value) => {
    real[name] = getOwnPropertyDescriptor(prototype, name);
    define(prototype, name, value);
  };
  for (let i = 0; i < PARTS.length; i++) {
    replace(`get${PARTS[i]}`, getter(PARTS[i]));
    if (writes[PARTS[i]] !== undefined) replace(`set${PARTS[i]}`, setter(PARTS[i]));
  }
  for (let i = 0; i < REPLACED.length; i++) {
    const name = REPLACED[i];
    replace(name, name === 'constructor' ? LocalDate : methods[name]);
  }
  define(globalThis, 'Date', LocalDate);
}

function restore() {
  for (const name in real) defineProperty(prototype, name, real[name]);
  real = undefined;
  define(globalThis, 'Date', TheDate);
}
