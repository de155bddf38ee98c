// The packages of npm that stand in for modules of Node, as one module of the adapter.

import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The name by which `node/` asks for a package, and the file that it begins with. */
const ENTRIES = {
  assert: 'assert/build/assert.js',
  'assert/comparisons': 'assert/build/internal/util/comparisons.js',
  buffer: 'buffer/index.js',
  events: 'events/events.js',
  fflate: 'fflate/lib/browser.cjs',
  'hashes/blake2': '@noble/hashes/blake2.js',
  'hashes/hkdf': '@noble/hashes/hkdf.js',
  'hashes/hmac': '@noble/hashes/hmac.js',
  'hashes/legacy': '@noble/hashes/legacy.js',
  'hashes/pbkdf2': '@noble/hashes/pbkdf2.js',
  'hashes/scrypt': '@noble/hashes/scrypt.js',
  'hashes/sha2': '@noble/hashes/sha2.js',
  'hashes/sha3': '@noble/hashes/sha3.js',
  parseargs: '@pkgjs/parseargs/index.js',
  path: 'path-browserify/index.js',
  punycode: 'punycode/punycode.js',
  stream: 'readable-stream/lib/stream.js',
  string_decoder: 'string_decoder/lib/string_decoder.js',
  url: 'url/url.js',
};

/** What packages ask for and get from `node/`, by its name there. */
const OURS = {
  'abort-controller': 'globals',
  buffer: 'buffer',
  events: 'events',
  'process/': 'process',
  process: 'process',
  qs: 'qs',
  'safe-buffer': 'buffer',
  'string_decoder/': 'string_decoder',
  'util/': 'util',
  util: 'util',
};

/** Packages that do what the engine does, and what stands in for them. */
const NATIVE = {
  'call-bind/callBound': '(name) => { const [kind, , method] = name.split("."); return Function.prototype.call.bind(globalThis[kind].prototype[method]); }',
  'is-nan': 'Number.isNaN',
  'object-is': 'Object.is',
  'object-is/polyfill': '() => Object.is',
  'object.assign/polyfill': '() => Object.assign',
  '@noble/hashes/crypto': '({ crypto: globalThis.crypto })',
};

/** Packages that others ask for by another name. */
const RENAMED = { 'punycode/': 'punycode' };

// Names of functions and classes are seen by scripts.
const SMALL = { compress: { keepNames: { function: true, class: true } }, mangle: { keepNames: true } };

/**
 * The text of a module that exports `files`, by the path of a file the text of a function
 * `(exports, require, module)` that evaluates it, and `entries`, the path by the name of an entry.
 *
 * Texts and no functions: of all functions inside a function, called or not, the engine keeps an object.
 */
export async function bundled(folder) {
  const { minifySync } = await import(pathToFileURL(join(folder, 'oxc-minify/index.js')).href);
  const sources = new Map();
  const entries = {};
  for (const [name, file] of Object.entries(ENTRIES)) entries[name] = added(join(folder, file), folder, sources);
  let text = 'export const files = {\n__proto__: null,\n';
  for (const [name, source] of sources) {
    const { code, errors } = minifySync(name, `globalThis.$=function(exports,require,module){${source}\n}`, SMALL);
    if (errors.length > 0) throw new Error(`${name}: ${errors[0].message}`);
    text += `${JSON.stringify(name)}: ${JSON.stringify(code.slice('globalThis.$='.length).replace(/;\s*$/, ''))},\n`;
  }
  return `${text}};\nexport const entries = ${JSON.stringify(entries, null, 1)};\n`;
}

/** Adds a file and all that it asks for; answers its name. */
function added(path, folder, files) {
  const name = relative(folder, path);
  if (files.has(name)) return name;
  files.set(name, '');
  const source = readFileSync(path, 'utf8').replace(/^#!.*/, '');
  if (/^(import|export) /m.test(source)) throw new Error(`${name} is no CommonJS`);
  const asks = /\brequire\(\s*(['"])([^'"]+)\1\s*\)/g;
  files.set(name, source.replace(asks, (whole, quote, wanted) => target(wanted, path, folder, files)));
  return name;
}

function target(wanted, path, folder, files) {
  if (wanted.startsWith('.')) return `require(${JSON.stringify(added(file(join(dirname(path), wanted)), folder, files))})`;
  if (wanted in NATIVE) return `(${NATIVE[wanted]})`;
  if (wanted in OURS) return `require(${JSON.stringify(`node:${OURS[wanted]}`)})`;
  const entry = ENTRIES[RENAMED[wanted] ?? wanted];
  const inside = entry === undefined ? join(folder, wanted) : join(folder, entry);
  return `require(${JSON.stringify(added(file(inside), folder, files))})`;
}

function file(path) {
  for (const one of [path, `${path}.js`, join(path, 'index.js')]) if (existsSync(one) && statSync(one).isFile()) return one;
  throw new Error(`there is no ${path}`);
}
