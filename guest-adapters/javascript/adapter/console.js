// `console`: node's, to standard output and standard error of the run.

import { format } from './format.js';
import { inspect } from './inspect.js';
import { TheError, TheMap, create, define, lines, mapDelete, mapGet, mapSet, now, push, repeat, slice } from './primordials.js';
import { STDERR, STDOUT, print } from './seam.js';
import { table } from './table.js';

let indent = '';
const counts = new TheMap();
const timers = new TheMap();

function write(kind, text) {
  if (indent !== '') {
    const parts = lines(text);
    text = '';
    for (let i = 0; i < parts.length; i++) text += (i > 0 ? '\n' : '') + indent + parts[i];
  }
  print(kind, `${text}\n`);
}

/** The arguments with one in front. */
function headed(first, args) {
  const all = [first];
  for (let i = 0; i < args.length; i++) push(all, args[i]);
  return all;
}

function elapsed(label) {
  const begun = mapGet(timers, label);
  if (begun === undefined) {
    write(STDERR, `Warning: No such label '${label}' for console.time()`);
    return undefined;
  }
  const ms = now() - begun;
  return ms >= 1000 ? `${(ms / 1000).toFixed(3)}s` : `${+ms.toFixed(3)}ms`;
}

const methods = {
  log(...args) {
    write(STDOUT, format(args));
  },
  warn(...args) {
    write(STDERR, format(args));
  },
  dir(value, options) {
    write(STDOUT, inspect(value, options));
  },
  trace(...args) {
    const holder = new TheError(args.length > 0 ? format(args) : '');
    const { stack } = holder;
    write(STDERR, `Trace${slice(stack, 5)}`);
  },
  assert(condition, ...args) {
    if (condition) return;
    if (typeof args[0] === 'string') args[0] = `Assertion failed: ${args[0]}`;
    else args = headed(args.length > 0 ? 'Assertion failed:' : 'Assertion failed', args);
    write(STDERR, format(args));
  },
  table(data, columns) {
    write(STDOUT, data !== null && typeof data === 'object' ? table(data, columns) : format([data]));
  },
  group(...args) {
    if (args.length > 0) write(STDOUT, format(args));
    indent += '  ';
  },
  groupEnd() {
    indent = repeat(' ', indent.length > 2 ? indent.length - 2 : 0);
  },
  count(label = 'default') {
    label = `${label}`;
    const count = (mapGet(counts, label) ?? 0) + 1;
    mapSet(counts, label, count);
    write(STDOUT, `${label}: ${count}`);
  },
  countReset(label = 'default') {
    mapDelete(counts, `${label}`);
  },
  time(label = 'default') {
    mapSet(timers, `${label}`, now());
  },
  timeLog(label = 'default', ...args) {
    const text = elapsed(`${label}`);
    if (text !== undefined) write(STDOUT, format(headed(`${label}: ${text}`, args)));
  },
  timeEnd(label = 'default') {
    const text = elapsed(`${label}`);
    if (text === undefined) return;
    write(STDOUT, `${label}: ${text}`);
    mapDelete(timers, `${label}`);
  },
};

export function install(target) {
  const console = create(Object.prototype);
  const { log, warn, group } = methods;
  const all = { ...methods, info: log, debug: log, error: warn, groupCollapsed: group, dirxml: log };
  for (const name of Object.keys(all)) console[name] = all[name];
  Object.defineProperty(console, Symbol.toStringTag, { value: 'console', configurable: true });
  define(target, 'console', console);
}
