// What to do instead, at the end of a script that failed: for names that are not there.

import { isNear } from './names.js';
import { charCode, endsWith, hasOwn, indexOf, keys, lastIndexOf, ownKeys, push, slice } from './primordials.js';

const globals = globalThis;

/** What programs elsewhere have as globals, and what does it here. */
const INSTEAD = {
  __proto__: null,
  require: "`import { query } from './tools/database'` for tools",
  module: '`export`',
  exports: '`export`',
  __dirname: 'paths of mounts, such as `/data`',
  __filename: '`import.meta.url`',
  window: '`globalThis`',
  document: 'a tool',
  Deno: 'the globals `files`, `process` and `fetch`',
  Bun: 'the globals `files`, `process` and `fetch`',
};

/** What to use in place of modules that programs elsewhere `require`. */
const MODULES = {
  __proto__: null,
  fs: 'the global `files`',
  'fs/promises': 'the global `files`',
  'fs-extra': 'the global `files`',
  process: 'the global `process`',
  crypto: 'the global `crypto`',
  util: 'the global `console`',
  url: 'the globals `URL` and `URLSearchParams`',
  buffer: 'the globals `Uint8Array`, `TextEncoder` and `TextDecoder`',
  events: 'the global `EventTarget`',
  readline: 'the global `stdin`',
  http: 'the global `fetch`',
  https: 'the global `fetch`',
  axios: 'the global `fetch`',
  'node-fetch': 'the global `fetch`',
  undici: 'the global `fetch`',
  child_process: 'a tool',
  zod: "`import { z } from 'zod'`",
};

/** Words of the language, which no name is meant to be. */
const RESERVED = [
  'await', 'async', 'break', 'case', 'catch', 'class', 'const', 'continue', 'default', 'delete', 'else', 'export', 'extends',
  'false', 'finally', 'for', 'function', 'if', 'import', 'in', 'instanceof', 'let', 'new', 'null', 'of', 'return', 'static',
  'super', 'switch', 'this', 'throw', 'true', 'try', 'typeof', 'var', 'void', 'while', 'yield',
];

/** Longest source that is searched for names, in characters. */
const LONGEST = 200000;

const NOT_DEFINED = ' is not defined';
const NO_FUNCTION = ' is not a function';

/** A note for an error of the engine's; `modules` are those that the script imports. Undefined where there is none. */
export function hint(type, message, source, modules) {
  if (type === 'ReferenceError' && endsWith(message, NOT_DEFINED)) {
    return ofName(slice(message, 0, -NOT_DEFINED.length), source ?? '');
  }
  if (type !== 'TypeError') return undefined;
  if (endsWith(message, NO_FUNCTION)) return ofMember(slice(message, 0, -NO_FUNCTION.length), modules ?? []);
  const at = lastIndexOf(message, ', tools.');
  if (at < 0 || !endsWith(message, ' is undefined')) return undefined;
  const name = slice(message, at + 8, -13);
  return `namespaces are imported: \`import * as ${name} from './tools/${name}'\``;
}

function ofName(name, source) {
  if (name === 'require') {
    const instead = MODULES[required(source)];
    if (instead !== undefined) return `there is no \`require\`: use ${instead}`;
  }
  const instead = INSTEAD[name];
  if (instead !== undefined) return `there is no \`${name}\`: use ${instead}`;
  return meant(name, names(source)) ?? meant(name, ownKeys(globals));
}

/** The module of the first `require('fs')`. */
function required(source) {
  const at = indexOf(source, 'require(');
  const quote = source[at + 8];
  if (at < 0 || (quote !== "'" && quote !== '"')) return '';
  const name = slice(source, at + 9, indexOf(source, quote, at + 9));
  return slice(name, 0, 5) === 'node:' ? slice(name, 5) : name;
}

/** `sqlite.querry`: the tools of all namespaces that the script imports. */
function ofMember(text, modules) {
  const member = slice(text, lastIndexOf(text, '.') + 1);
  if (member === text || !isName(member)) return undefined;
  for (let i = 0; i < modules.length; i++) {
    const found = meant(member, keys(modules[i]));
    if (found !== undefined) return found;
  }
  return undefined;
}

function meant(name, candidates) {
  for (let i = 0; i < candidates.length; i++) {
    const candidate = candidates[i];
    if (typeof candidate !== 'string' || candidate === name || !isNear(name, candidate)) continue;
    return `did you mean \`${candidate}\`?`;
  }
  return undefined;
}

/** The names that a source has, each once, members of objects excepted. */
function names(source) {
  const found = [];
  const seen = { __proto__: null };
  for (let i = 0; i < RESERVED.length; i++) seen[RESERVED[i]] = true;
  let at = 0;
  while (at < source.length && at < LONGEST) {
    if (!isPart(charCode(source, at))) {
      at++;
      continue;
    }
    const start = at;
    while (at < source.length && isPart(charCode(source, at))) at++;
    const name = slice(source, start, at);
    if (source[start - 1] === '.' || isDigit(charCode(name, 0)) || hasOwn(seen, name)) continue;
    seen[name] = true;
    push(found, name);
  }
  return found;
}

function isName(text) {
  for (let i = 0; i < text.length; i++) if (!isPart(charCode(text, i))) return false;
  return text !== '' && !isDigit(charCode(text, 0));
}

function isPart(code) {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || isDigit(code) || code === 95 || code === 36 || code > 127;
}

function isDigit(code) {
  return code >= 48 && code <= 57;
}
