// Makes the tables of `../../intl/tables` from the Unicode data of this node, about a minute:
//
//     npm ci --ignore-scripts
//     node index.mjs FOLDER
//
// Without a folder it compares what it makes with the tables that are there, and ends with 1 where they differ.
//
// The tables that are there were made by node v20.20.2. Another node has other data: each table names its versions.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { english } from './english.mjs';
import { normal } from './normal.mjs';
import { properties } from './properties.mjs';
import { sequences } from './sequences.mjs';
import { zones } from './zones.mjs';

const VERSIONS = { icu: '78.2', unicode: '17.0', cldr: '48.0', tz: '2025c' };

const [folder] = process.argv.slice(2);
for (const [name, version] of Object.entries(VERSIONS)) {
  if (process.versions[name] !== version) console.error(`note: this node has ${name} ${process.versions[name]}, the tables ${version}`);
}
const there = fileURLToPath(new URL('../../intl/tables', import.meta.url));
for (const [name, make] of Object.entries({ english, normal, properties, sequences, zones })) {
  const text = make();
  if (folder !== undefined) {
    writeFileSync(join(folder, `${name}.js`), text);
  } else if (readFileSync(join(there, `${name}.js`), 'utf8') === text) {
    console.log(`${name}.js is the same`);
  } else {
    console.log(`${name}.js differs`);
    process.exitCode = 1;
  }
}
