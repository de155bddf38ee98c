// Which characters have each property that `\p{..}` may name.

import { createRequire } from 'node:module';
import { packedRanges } from './packed.mjs';

const FIRST_SURROGATE = 0xd800;
const LAST_SURROGATE = 0xdfff;

export function properties() {
  const require = createRequire(import.meta.url);
  const values = require('unicode-match-property-value-ecmascript/data/mappings.js');
  const names = require('unicode-property-aliases-ecmascript');
  const binary = [...require('regenerate-unicode-properties').get('Binary_Property')];
  const categories = values.get('General_Category');
  const scripts = values.get('Script');

  const all = everyLetter();
  const tables = {};
  const add = (name, property) => {
    const ranges = rangesOf(all, property);
    if (ranges !== undefined) tables[name] = packedRanges(ranges);
  };
  for (const value of new Set(categories.values())) add(`gc=${value}`, `gc=${value}`);
  for (const value of new Set(scripts.values())) {
    add(`sc=${value}`, `sc=${value}`);
    // `Katakana_Or_Hiragana` has a name and no characters: the engine knows no such script.
    if (tables[`sc=${value}`] === undefined) continue;
    add(`scx=${value}`, `scx=${value}`);
    if (tables[`scx=${value}`] === tables[`sc=${value}`]) delete tables[`scx=${value}`];
  }
  for (const name of binary) add(name, name);

  const aliases = {};
  for (const [short, long] of categories) if (short !== long) aliases[`gc=${short}`] = long;
  for (const [short, long] of scripts) if (short !== long) aliases[`sc=${short}`] = long;
  for (const [short, long] of names) if (binary.includes(long) && short !== long) aliases[short] = long;

  const { icu, unicode } = process.versions;
  return `// Made of ICU ${icu}: Unicode ${unicode}. Which characters have each property: \`gap-more\`, both in base 36.

export const UNICODE = '${unicode}';

export const properties = {
  __proto__: null,
${members(tables)}};

/** Other names of values and properties. */
export const aliases = {
  __proto__: null,
${members(aliases)}};
`;
}

function members(object) {
  return Object.entries(object)
    .map(([name, value]) => `  ${/^\w+$/.test(name) ? name : `'${name}'`}: '${value}',\n`)
    .join('');
}

/** All code points but surrogates, which would be pairs in a text. */
function everyLetter() {
  let text = '';
  for (let code = 0; code < 0x110000; code++) {
    if (code < FIRST_SURROGATE || code > LAST_SURROGATE) text += String.fromCodePoint(code);
  }
  return text;
}

/** [first, last] of the characters with a property, in order; undefined where there is no such property. */
function rangesOf(all, property) {
  let one;
  try {
    one = new RegExp(`\\p{${property}}`, 'u');
  } catch {
    return undefined;
  }
  const found = [];
  for (const [run] of all.matchAll(new RegExp(`\\p{${property}}+`, 'gu'))) {
    for (const letter of run) append(found, letter.codePointAt(0));
  }
  if (one.test('\ud800')) found.push([FIRST_SURROGATE, LAST_SURROGATE]);
  found.sort(([a], [b]) => a - b);
  const joined = [];
  for (const range of found) {
    const last = joined.at(-1);
    if (last !== undefined && last[1] + 1 === range[0]) last[1] = range[1];
    else joined.push(range);
  }
  return joined;
}

function append(ranges, code) {
  const last = ranges.at(-1);
  if (last !== undefined && last[1] + 1 === code) last[1] = code;
  else ranges.push([code, code]);
}
