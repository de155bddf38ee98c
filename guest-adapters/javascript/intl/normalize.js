// `String.prototype.normalize`: the four forms of Unicode, by tables that are read when a text first needs them.

import { CANONICAL, CLASSES, COMPATIBLE, EXCLUDED } from './tables/normal.js';
import { TheRangeError, charCode, mapGet, mapSet, push } from '../primordials.js';

const { fromCodePoint, prototype } = String;
const { call } = Function.prototype;
const uncurry = (method) => call.bind(method);
const codePointAt = uncurry(prototype.codePointAt);
const split = uncurry(prototype.split);
const TheMap = Map;
const toInt = parseInt;

// Hangul is put together by arithmetic: section 3.12 of the standard.
const [SYLLABLES, LEADING, VOWELS, TRAILING] = [0xac00, 0x1100, 0x1161, 0x11a7];
const [VOWEL_COUNT, TRAILING_COUNT, SYLLABLE_COUNT] = [21, 28, 11172];

let tables;

function number(text) {
  return toInt(text, 36);
}

function readLetters(text, letters) {
  const rows = split(text, ' ');
  let at = 0;
  for (let i = 0; i < rows.length; i++) {
    const row = split(rows[i], ':');
    at += number(row[0]);
    const parts = split(row[1], ',');
    for (let j = 0; j < parts.length; j++) parts[j] = number(parts[j]);
    mapSet(letters, at, parts);
    at++;
  }
  return letters;
}

function readClasses() {
  const classes = new TheMap();
  const rows = split(CLASSES, ' ');
  let at = 0;
  for (let i = 0; i < rows.length; i++) {
    const row = split(rows[i], '.');
    const run = split(row[0], '-');
    at += number(run[0]);
    const more = run.length > 1 ? number(run[1]) : 0;
    for (let j = 0; j <= more; j++) mapSet(classes, at + j, number(row[1]));
    at += more + 1;
  }
  return classes;
}

const PAIR = 0x200000;

/** Which letter two are put together to, by `first * PAIR + second`. */
function readPairs(canonical) {
  const excluded = new TheMap();
  const rows = split(EXCLUDED, ' ');
  for (let i = 0; i < rows.length; i++) mapSet(excluded, number(rows[i]), true);
  const pairs = new TheMap();
  // Those of two parts first: longer ones begin with them.
  for (let length = 2; length < 6; length++) {
    Reflect.apply(Map.prototype.forEach, canonical, [
      (parts, letter) => {
        if (parts.length !== length || mapGet(excluded, letter)) return;
        let first = parts[0];
        for (let i = 1; i < length - 1; i++) first = mapGet(pairs, first * PAIR + parts[i]);
        mapSet(pairs, first * PAIR + parts[length - 1], letter);
      },
    ]);
  }
  return pairs;
}

function load() {
  const canonical = readLetters(CANONICAL, new TheMap());
  tables = { canonical, classes: readClasses(), pairs: readPairs(canonical), compatible: undefined };
}

export function normalized(text, form) {
  const composes = form === 'NFC' || form === 'NFKC';
  const isCompatible = form === 'NFKC' || form === 'NFKD';
  if (!composes && form !== 'NFD' && !isCompatible) {
    throw new TheRangeError(`the normalization form must be NFC, NFD, NFKC or NFKD, not ${form}`);
  }
  // Text below these is its own normal form.
  const same = form === 'NFC' ? 0x300 : form === 'NFD' ? 0xc0 : 0xa0;
  let at = 0;
  while (at < text.length && charCode(text, at) < same) at++;
  if (at === text.length) return text;
  if (tables === undefined) load();
  if (isCompatible) tables.compatible ??= readLetters(COMPATIBLE, new TheMap());
  const points = ordered(text, isCompatible);
  return written(composes ? composed(points) : points);
}

/** The letters taken apart, marks in their order. */
function ordered(text, isCompatible) {
  const { canonical, compatible, classes } = tables;
  const points = [];
  // Where the marks begin that are not in order yet.
  let marks = 0;
  const put = (point) => {
    const own = point < 0x300 ? 0 : (mapGet(classes, point) ?? 0);
    push(points, point);
    if (own === 0) {
      marks = points.length;
      return;
    }
    let place = points.length - 1;
    while (place > marks && mapGet(classes, points[place - 1]) > own) {
      points[place] = points[place - 1];
      place--;
    }
    points[place] = point;
  };
  for (let i = 0; i < text.length; ) {
    const point = codePointAt(text, i);
    i += point > 0xffff ? 2 : 1;
    const parts = point < 0xa0 ? undefined : ((isCompatible ? mapGet(compatible, point) : undefined) ?? mapGet(canonical, point));
    if (parts !== undefined) {
      for (let j = 0; j < parts.length; j++) put(parts[j]);
    } else if (point >= SYLLABLES && point < SYLLABLES + SYLLABLE_COUNT) {
      const index = point - SYLLABLES;
      put(LEADING + Math.floor(index / (VOWEL_COUNT * TRAILING_COUNT)));
      put(VOWELS + Math.floor((index % (VOWEL_COUNT * TRAILING_COUNT)) / TRAILING_COUNT));
      if (index % TRAILING_COUNT !== 0) put(TRAILING + (index % TRAILING_COUNT));
    } else {
      put(point);
    }
  }
  return points;
}

function composed(points) {
  const { classes, pairs } = tables;
  const kept = [];
  let starter = -1;
  let last = 0;
  for (let i = 0; i < points.length; i++) {
    const point = points[i];
    const own = point < 0x300 ? 0 : (mapGet(classes, point) ?? 0);
    if (starter >= 0 && (starter === kept.length - 1 || (last !== 0 && last < own))) {
      const letter = together(kept[starter], point, pairs);
      if (letter !== undefined) {
        kept[starter] = letter;
        continue;
      }
    }
    if (own === 0) starter = kept.length;
    last = own;
    push(kept, point);
  }
  return kept;
}

function together(first, second, pairs) {
  if (first >= LEADING && first < LEADING + 19 && second >= VOWELS && second < VOWELS + VOWEL_COUNT) {
    return SYLLABLES + ((first - LEADING) * VOWEL_COUNT + second - VOWELS) * TRAILING_COUNT;
  }
  const isOpen = first >= SYLLABLES && first < SYLLABLES + SYLLABLE_COUNT && (first - SYLLABLES) % TRAILING_COUNT === 0;
  if (isOpen && second > TRAILING && second < TRAILING + TRAILING_COUNT) return first + second - TRAILING;
  return mapGet(pairs, first * PAIR + second);
}

function written(points) {
  let text = '';
  for (let i = 0; i < points.length; i++) text += fromCodePoint(points[i]);
  return text;
}
