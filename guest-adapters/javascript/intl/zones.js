// Local time of the zones of the IANA database, for `timeZone` of dates: from 1970 on.

import { zoneNames, zones } from './tables/zones.js';
import { TheRangeError, TheString, floor, lowerCase, push } from '../primordials.js';

const split = Function.prototype.call.bind(TheString.prototype.split);
const exec = Function.prototype.call.bind(RegExp.prototype.exec);
const toInt = parseInt;
const MINUTE = 60000;

/** Until then the tables go; later years are as those 28 years, and so all weekdays, before. */
const END = Date.UTC(2038, 0, 1);

const UTC = ['utc', 'etc/utc', 'etc/gmt', 'gmt', 'etc/uct', 'uct', 'zulu', 'etc/zulu', 'universal', 'etc/universal', 'etc/greenwich', 'greenwich', 'gmt0', 'etc/gmt0'];
const OTHERS = {
  __proto__: null, 'us/eastern': 'America/New_York', 'us/central': 'America/Chicago', 'us/mountain': 'America/Denver', 'us/pacific': 'America/Los_Angeles',
  'us/alaska': 'America/Anchorage', 'us/hawaii': 'Pacific/Honolulu', 'us/arizona': 'America/Phoenix', 'asia/kolkata': 'Asia/Calcutta',
  'europe/kyiv': 'Europe/Kiev', 'asia/ho_chi_minh': 'Asia/Saigon', 'asia/kathmandu': 'Asia/Katmandu', 'asia/yangon': 'Asia/Rangoon',
  'america/argentina/buenos_aires': 'America/Buenos_Aires', 'america/indiana/indianapolis': 'America/Indianapolis', 'atlantic/faroe': 'Atlantic/Faeroe',
  japan: 'Asia/Tokyo', singapore: 'Asia/Singapore', israel: 'Asia/Jerusalem', turkey: 'Europe/Istanbul', egypt: 'Africa/Cairo', hongkong: 'Asia/Hong_Kong', gb: 'Europe/London',
};

let byName;

function load() {
  byName = { __proto__: null };
  for (let i = 0; i < zones.length; i++) {
    const names = split(zones[i][0], ' ');
    const zone = { changes: undefined, packed: zones[i][1] };
    for (let j = 0; j < names.length; j++) byName[lowerCase(names[j])] = { name: names[j], zone, words: undefined };
  }
  for (let i = 0; i < zoneNames.length; i++) {
    const words = split(zoneNames[i][0], '|');
    const names = split(zoneNames[i][1], ' ');
    for (let j = 0; j < names.length; j++) byName[lowerCase(names[j])].words = words;
  }
}

function changesOf(zone) {
  if (zone.changes === undefined) {
    zone.changes = [];
    const rows = split(zone.packed, ' ');
    let at = 0;
    for (let i = 0; i < rows.length; i++) {
      const [gap, offset] = split(rows[i], '_');
      at += toInt(gap, 36) * MINUTE;
      push(zone.changes, [at, toInt(offset, 36) * 1000]);
    }
  }
  return zone.changes;
}

/** A zone by its name: `{name, words, offset(instant), isSummer(instant)}`. */
export function zoneOf(name) {
  const text = `${name}`;
  const low = lowerCase(text);
  for (let i = 0; i < UTC.length; i++) if (UTC[i] === low) return { name: 'UTC', isUTC: true, offset: () => 0, isSummer: () => false };
  const fixed = exec(/^([+-])(\d\d):?(\d\d)?$/, text);
  if (fixed !== null && +fixed[2] < 24 && +(fixed[3] ?? 0) < 60) {
    const minutes = (+fixed[2] * 60 + +(fixed[3] ?? 0)) * (fixed[1] === '-' ? -1 : 1);
    return { name: `${fixed[1]}${fixed[2]}:${fixed[3] ?? '00'}`, offset: () => minutes * MINUTE, isSummer: () => false };
  }
  if (byName === undefined) load();
  const found = byName[lowerCase(OTHERS[low] ?? low)];
  if (found === undefined) throw new TheRangeError(`Invalid time zone specified: ${text}`);
  const changes = changesOf(found.zone);
  const offset = (instant) => changes[placeOf(changes, instant)][1];
  return { name: found.name, words: found.words, offset, isSummer: (instant) => isSummer(changes, instant) };
}

function placeOf(changes, instant) {
  let time = instant;
  while (time >= END) time -= (28 * 365 + 7) * 24 * 60 * MINUTE;
  let low = 0;
  let high = changes.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (changes[middle][0] <= time) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Whether clocks are ahead of what they are within a year. */
function isSummer(changes, instant) {
  const place = placeOf(changes, instant);
  const YEAR = 366 * 24 * 60 * MINUTE;
  const own = changes[place][1];
  const before = changes[place - 1];
  const after = changes[place + 1];
  if (after !== undefined && after[0] - changes[place][0] < YEAR && place > 0) return after[1] < own && before[1] < own;
  return false;
}

export function zoneList() {
  const names = [];
  for (let i = 0; i < zones.length; i++) {
    const own = split(zones[i][0], ' ');
    for (let j = 0; j < own.length; j++) push(names, own[j]);
  }
  push(names, 'UTC');
  return names.sort();
}

/** `GMT-4`, `GMT+5:30`; the long form `GMT-04:00`. */
export function gmt(offset, isLong) {
  if (offset === 0) return 'GMT';
  const minutes = floor((offset < 0 ? -offset : offset) / MINUTE);
  const hours = floor(minutes / 60);
  const rest = minutes % 60;
  const two = (number) => (number < 10 ? `0${number}` : `${number}`);
  const clock = isLong ? `${two(hours)}:${two(rest)}` : rest === 0 ? `${hours}` : `${hours}:${two(rest)}`;
  return `GMT${offset < 0 ? '-' : '+'}${clock}`;
}

const LONG = ['long', 'longGeneric', 'longOffset'];

export function zoneText(zone, instant, style, british) {
  const offset = zone.offset(instant);
  if (style === 'shortOffset' || style === 'longOffset') return gmt(offset, style === 'longOffset');
  const isLong = LONG[0] === style || LONG[1] === style;
  if (zone.isUTC) return isLong ? 'Coordinated Universal Time' : style === 'shortGeneric' ? 'GMT' : 'UTC';
  const { words } = zone;
  if (words === undefined) return gmt(offset, isLong);
  if (style === 'shortGeneric' || style === 'longGeneric') return words[style === 'longGeneric' ? 5 : 4] || gmt(offset, isLong);
  const name = words[(isLong ? 0 : 2) + (zone.isSummer(instant) ? 1 : 0)];
  if (!isLong && british) return britishNames(zone, instant, offset);
  return name || gmt(offset, isLong);
}

function britishNames(zone, instant, offset) {
  if (zone.name === 'Europe/London') return zone.isSummer(instant) ? 'BST' : 'GMT';
  const european = { Paris: 1, Berlin: 1, Madrid: 1, Rome: 1, Vienna: 1, Zurich: 1, Amsterdam: 1, Brussels: 1, Prague: 1, Warsaw: 1, Stockholm: 1, Oslo: 1, Copenhagen: 1, Budapest: 1 };
  if (european[split(zone.name, '/')[1]] === 1) return zone.isSummer(instant) ? 'CEST' : 'CET';
  return gmt(offset, false);
}

