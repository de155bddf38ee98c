// What to do instead, at the end of a script that failed: for names that are not there.

import { isNear } from './names.js';
import { charCode, endsWith, hasOwn, indexOf, keys, lastIndexOf, ownKeys, push, slice, startsWith } from './primordials.js';

const globals = globalThis;

/** What programs elsewhere have as globals, and what does it here. */
const INSTEAD = {
  __proto__: null,
  require: "`createRequire` of 'node:module'",
  module: '`export`',
  exports: '`export`',
  __dirname: '`import.meta.dirname`',
  __filename: '`import.meta.filename`',
  window: '`globalThis`',
  document: 'a tool',
  Deno: 'the globals `files`, `process` and `fetch`',
  Bun: 'the globals `files`, `process` and `fetch`',
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

/**
 * A note for an error of the engine's; `modules` are those that the script imports, `ambient` knows the others.
 * Undefined where there is none.
 */
export function hint(type, message, source, modules, ambient) {
  if (type === 'ReferenceError' && endsWith(message, NOT_DEFINED)) {
    return ofName(slice(message, 0, -NOT_DEFINED.length), source ?? '', ambient);
  }
  if (type !== 'TypeError') return undefined;
  if (endsWith(message, NO_FUNCTION)) {
    const member = slice(message, 0, -NO_FUNCTION.length);
    return ofMember(member, modules ?? []) ?? ofMember(member, ambient.modules());
  }
  const at = lastIndexOf(message, ', ');
  if (at < 0 || !endsWith(message, ' is undefined')) return undefined;
  const name = slice(message, at + 2, -13);
  for (let i = 0; i < VIEWS.length; i++) {
    if (startsWith(name, VIEWS[i])) return didYouMean(ambient.meant(slice(name, VIEWS[i].length)));
  }
  return undefined;
}

/** Objects whose members are namespaces. */
const VIEWS = ['tools.', 'mcp.', 'mcp_servers.'];

function didYouMean(name) {
  return name === undefined ? undefined : `did you mean \`${name}\`?`;
}

function ofName(name, source, ambient) {
  const instead = INSTEAD[name];
  if (instead !== undefined) return `there is no \`${name}\`: use ${instead}`;
  return didYouMean(ambient.meant(name)) ?? meant(name, names(source)) ?? meant(name, ownKeys(globals));
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
  const head = indexOf(source, '\n');
  let at = 0;
  while (at < source.length && at < LONGEST) {
    if (!isPart(charCode(source, at))) {
      at++;
      continue;
    }
    const start = at;
    while (at < source.length && isPart(charCode(source, at))) at++;
    const name = slice(source, start, at);
    // The first line is the host's, with names of its own.
    if (start < head && source[start] === '$') continue;
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
