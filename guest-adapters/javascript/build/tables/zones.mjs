// Offsets of time zones from 1970 to 2038, and what zones are called in English.

import { short } from './packed.mjs';

const FROM = Date.UTC(1970, 0, 1);
const TO = Date.UTC(2038, 0, 1);
const MINUTE = 60_000;

/** No zone has changed its offset twice in so many milliseconds. */
const STEP = 20 * 24 * 60 * MINUTE;

export function zones() {
  const byOffsets = new Map();
  const byNames = {};
  for (const zone of Intl.supportedValuesOf('timeZone')) {
    if (zone === 'UTC') continue;
    const offset = offsetsOf(zone);
    const text = packed(changes(offset));
    if (!byOffsets.has(text)) byOffsets.set(text, []);
    byOffsets.get(text).push(zone);
    (byNames[namesOf(zone, offset)] ??= []).push(zone);
  }
  const rows = [...byOffsets].map(([text, names]) => `  ['${names.join(' ')}', '${text}'],`);
  const named = Object.entries(byNames).map(([names, all]) => `  [${JSON.stringify(names)}, '${all.join(' ')}'],`);
  const { icu, tz } = process.versions;
  return `// Made of ICU ${icu}, time zones of ${tz}.

/** Zones with the same offsets; \`minutes_seconds\`: so many minutes after the one before, the first after 1970, local time is UTC and so many seconds. In base 36. */
export const zones = [
${rows.join('\n')}
];

/** \`standard|summer|short standard|short summer|short|long\` names, and the zones that have them. */
export const zoneNames = [
${named.join('\n')}
];
`;
}

/** Seconds that local time is before UTC, at a moment. */
function offsetsOf(timeZone) {
  const digits = Object.fromEntries(['year', 'month', 'day', 'hour', 'minute', 'second'].map((part) => [part, 'numeric']));
  const format = new Intl.DateTimeFormat('en-US', { timeZone, hourCycle: 'h23', ...digits });
  return (moment) => {
    const parts = {};
    for (const { type, value } of format.formatToParts(moment)) parts[type] = Number(value);
    const local = Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second);
    return Math.round((local - Math.floor(moment / 1000) * 1000) / 1000);
  };
}

/** [minute after 1970, offset from then on] */
function changes(offset) {
  let last = offset(FROM);
  const found = [[0, last]];
  for (let moment = FROM; moment < TO; moment += STEP) {
    const next = offset(moment + STEP);
    if (next === last) continue;
    let [before, after] = [moment, moment + STEP];
    while (after - before > MINUTE) {
      const middle = Math.floor((before + after) / 2 / MINUTE) * MINUTE;
      if (offset(middle) === last) before = middle;
      else after = middle;
    }
    found.push([after / MINUTE, next]);
    last = next;
  }
  return found;
}

function packed(found) {
  let at = 0;
  const parts = found.map(([minute, seconds]) => {
    const part = `${short(minute - at)}_${short(seconds)}`;
    at = minute;
    return part;
  });
  return parts.join(' ');
}

function namesOf(timeZone, offset) {
  const [january, july] = [Date.UTC(2025, 0, 1), Date.UTC(2025, 6, 1)];
  const [standard, summer] = offset(january) <= offset(july) ? [january, july] : [july, january];
  const hasSummer = offset(january) !== offset(july);
  const called = (timeZoneName, moment) => {
    const parts = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName }).formatToParts(moment);
    const { value } = parts.find(({ type }) => type === 'timeZoneName');
    // That is no name, but the offset.
    return value.startsWith('GMT') ? '' : value;
  };
  const names = [
    called('long', standard),
    hasSummer ? called('long', summer) : '',
    called('short', standard),
    hasSummer ? called('short', summer) : '',
    called('shortGeneric', standard),
    called('longGeneric', standard),
  ];
  return names.join('|');
}
