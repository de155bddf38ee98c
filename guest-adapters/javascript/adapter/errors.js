// What a user is told of an error: the first line and the frames of the script, none of ours.
//
// The engine's own stacks name the adapter's files, and count the line that the host puts in
// front of a script; `stack` of errors is taught to show them in the form that node shows.

import { domException } from './kinds.js';
import { shown } from './values.js';
import {
  TheError,
  TheMap,
  TheSyntaxError,
  apply,
  charCode,
  defineProperty,
  encodeURI,
  endsWith,
  getOwnPropertyDescriptor,
  getPrototypeOf,
  indexOf,
  isArray,
  isErrorObject,
  lastIndexOf,
  lines,
  mapClear,
  mapGet,
  mapSet,
  mapSize,
  slice,
  startsWith,
  trimEnd,
  weakMapGet,
  weakMapSet,
} from './primordials.js';

const OURS = 'wxmcp-adapter/';
const DEEPEST = 8;
const FRAMES = 50;
/** What the host calls a script that came from no file. */
const CODE = '<code>';

const { get: engineStack, set: setStack } = getOwnPropertyDescriptor(TheError.prototype, 'stack');
const internalError = InternalError.prototype;

let script = '';
/** What the engine calls the script. */
let scriptUrl = '';
let map = undefined;
let shifts = undefined;
/** By what the engine calls it, {name, map, shifts} of the earlier scripts of a session whose functions may still be called. */
const earlier = new TheMap();
const MOST_EARLIER = 500;
/** By name, the files that a tool file shares with others, and where their lines really are. */
let shared = undefined;

/** By what the engine calls them, modules of files that were read: their names, and where their lines really are. */
const modules = new TheMap();

const notes = new WeakMap();

/** By error, the place that it is about, where nothing was raised: {file, line, column, traceback}. */
const places = new WeakMap();

/** Adds a line below an error where it ends the script, and only there. */
export function note(error, text) {
  weakMapSet(notes, error, text);
}

/** A name as the engine keeps it: it would cut it off at a blank. */
export function sourceUrl(name) {
  // Nearly all names are as they are; what is native says so in a hundredth of the time.
  try {
    if (name === CODE || encodeURI(name) === name) return name;
  } catch {
    // Half a surrogate.
  }
  let text = '';
  for (let i = 0; i < name.length; i++) {
    const code = charCode(name, i);
    text += code <= 32 || code === 0xa0 || code >= 0x1680 ? `%${code}` : name[i];
  }
  return text;
}

/** Notes whose frames are shown, where their lines really are, and what was put into lines of the script. */
export function begins(name, lineMap, inserted, files, isInSession) {
  script = name;
  scriptUrl = sourceUrl(name);
  map = lineMap;
  shifts = inserted;
  shared = undefined;
  if (isInSession) {
    if (mapSize(earlier) >= MOST_EARLIER) mapClear(earlier);
    mapSet(earlier, scriptUrl, { __proto__: null, name, map, shifts });
  }
  if (files === undefined) return;
  shared = new TheMap();
  for (let i = 0; i < files.length; i++) mapSet(shared, files[i].name, files[i]);
}

/** Notes the file of a module, and what was put into its lines. */
export function addFile(name, { map, shifts }) {
  mapSet(modules, sourceUrl(name), { __proto__: null, name, map, shifts });
}

/** What the engine is to call a module, or the script itself. */
export function where(path, isMain) {
  return isMain ? scriptUrl : sourceUrl(path);
}

/** The error that the host found in the source of a module. */
export function told({ type, message, traceback, line, file }) {
  const error = type === 'SyntaxError' ? new TheSyntaxError(message) : new TheError(message);
  if (file === undefined) return error;
  weakMapSet(places, error, { __proto__: null, file, line, traceback });
  defineProperty(error, 'stack', { __proto__: null, value: trimEnd(traceback), writable: true, configurable: true });
  return error;
}

/** Notes the place that an error is about, if it has none: an import. */
export function place(error, path, isMain, line, column) {
  if (!isErrorObject(error) || weakMapGet(places, error) !== undefined) return error;
  const file = isMain ? script : path;
  weakMapSet(places, error, { __proto__: null, file: isMain ? undefined : path, shown: file, line, column });
  return error;
}

/** Gives errors of scripts the `stack` that they are shown with. */
export function install() {
  const property = {
    get stack() {
      if (!isErrorObject(this)) return undefined;
      const frames = framesOf(this);
      return frames === undefined ? undefined : heading(this) + frames;
    },
  };
  const { get } = getOwnPropertyDescriptor(property, 'stack');
  defineProperty(TheError.prototype, 'stack', { __proto__: null, get, set: setStack, enumerable: false, configurable: true });
  const capture = TheError.captureStackTrace;
  const own = {
    captureStackTrace(object, hide) {
      apply(capture, TheError, [object, hide]);
      const { value } = getOwnPropertyDescriptor(object, 'stack');
      const head = isErrorObject(object) ? heading(object) : 'Error';
      defineProperty(object, 'stack', { __proto__: null, value: head + written(value), writable: true, configurable: true });
    },
  };
  defineProperty(TheError, 'captureStackTrace', { __proto__: null, value: own.captureStackTrace, writable: true, configurable: true });
}

/** "name: message", as `Error.prototype.toString` says it, whatever the properties do. */
function heading(error) {
  const name = property(error, 'name', 'Error');
  const message = property(error, 'message', '');
  return message === '' ? name : name === '' ? message : `${name}: ${message}`;
}

function property(error, name, otherwise) {
  try {
    const value = error[name];
    return typeof value === 'string' ? value : value === undefined ? otherwise : shown(value);
  } catch {
    return otherwise;
  }
}

/** The frames of an error as lines, each with its newline in front; undefined if it has none. */
function framesOf(error) {
  let text;
  try {
    text = apply(engineStack, error, []);
  } catch {
    return undefined;
  }
  return typeof text === 'string' ? written(text) : undefined;
}

function written(stack) {
  const frames = lines(stack);
  let text = '';
  let count = 0;
  for (let i = 0; i < frames.length && count < FRAMES; i++) {
    const frame = parsed(frames[i]);
    if (frame === undefined) continue;
    count++;
    const place = `${frame.file}:${frame.line}:${frame.column}`;
    text += frame.name === '' ? `\n    at ${place}` : `\n    at ${frame.name} (${place})`;
  }
  return text;
}

/** One line of the engine, `name@file:line:column`; undefined for what is not the script's. */
function parsed(frame) {
  const at = indexOf(frame, '@');
  if (at < 0) return undefined;
  const second = lastIndexOf(frame, ':');
  const first = lastIndexOf(frame, ':', second - 1);
  if (first < at) return undefined;
  const file = slice(frame, at + 1, first);
  if (startsWith(file, OURS) || startsWith(file, '/' + OURS)) return undefined;
  const place = placed(file, +slice(frame, first + 1, second), +slice(frame, second + 1));
  place.name = plainName(slice(frame, 0, at));
  return place;
}

/** `async*outer/inner<` is `inner`. */
function plainName(name) {
  name = slice(name, lastIndexOf(name, '*') + 1);
  while (endsWith(name, '<')) name = slice(name, 0, -1);
  while (endsWith(name, '/')) name = slice(name, 0, -1);
  name = slice(name, lastIndexOf(name, '/') + 1);
  if (!startsWith(name, '$m')) return name;
  // What we assign functions to that have no name.
  return endsWith(name, '.last') ? '' : endsWith(name, '.default') ? 'default' : name;
}

function placed(file, line, column) {
  if (file === scriptUrl) return original(line, column, script, map, shifts);
  const other = shared === undefined ? undefined : mapGet(shared, file);
  if (other !== undefined) return original(line, column, file, other.map);
  const module = mapGet(modules, file);
  if (module !== undefined) return original(line, column, module.name, module.map, module.shifts);
  const before = mapGet(earlier, file);
  if (before !== undefined) return original(line, column, before.name, before.map, before.shifts);
  // Code that the script evaluates: `report.js line 4 > eval`.
  const inside = `${scriptUrl} line `;
  if (startsWith(file, inside)) {
    const end = indexOf(file, ' ', inside.length);
    const from = original(+slice(file, inside.length, end), 1, script, map, shifts);
    return { __proto__: null, file: `${script} line ${from.line}${slice(file, end)}`, line, column, name: '' };
  }
  return { __proto__: null, file, line, column, name: '' };
}

/** Where a place of the code that the engine saw is in the script. */
function original(line, column, file, lineMap, inserted) {
  // What was put into the line moved what follows.
  let moved = 0;
  for (let i = 0; inserted !== undefined && i < inserted.length; i++) {
    const { line: at, column: from, width } = inserted[i];
    if (at !== line - 1 || column <= from + moved) continue;
    moved = column < from + moved + width ? column - from : moved + width;
  }
  column -= moved;
  const place = { __proto__: null, file, line: line - 1, column, name: '' };
  const marks = lineMap?.lines?.[line - 2];
  if (!isArray(marks)) return place;
  let found;
  for (let i = 0; i < marks.length; i++) {
    if (marks[i][0] > column - 1 && found !== undefined) break;
    found = marks[i];
  }
  if (found === undefined) return place;
  place.line = found[1] + 1;
  place.column = found[2] + 1;
  return place;
}

/** The line of a file that an error is about, or null. */
function lineOf(error, file = script) {
  let text;
  try {
    text = apply(engineStack, error, []);
  } catch {
    return null;
  }
  if (typeof text !== 'string') return null;
  const frames = lines(text);
  for (let i = 0; i < frames.length; i++) {
    const frame = parsed(frames[i]);
    if (frame !== undefined && frame.file === file) return frame.line;
  }
  return null;
}

/** Where in a file the engine found its source to be wrong. */
export function sourcePlace({ lineNumber, columnNumber }, file = scriptUrl) {
  return placed(file, lineNumber, columnNumber);
}

/** {type, message, traceback, line, file} of whatever ended a script; `file` if it came from a shared file. */
export function described(error, file) {
  if (isOutOfMemory(error)) {
    const message = 'out of memory';
    return { __proto__: null, type: 'MemoryError', message, traceback: `MemoryError: ${message}\n`, line: null };
  }
  const dom = domException(error);
  if (dom !== undefined) {
    const text = `${dom.name}: ${dom.message}\n`;
    return { __proto__: null, type: dom.name, message: dom.message, traceback: text, line: null };
  }
  if (!isErrorObject(error)) {
    const message = shown(error);
    return { __proto__: null, type: 'Thrown', message, traceback: `Thrown: ${message}\n`, line: null };
  }
  const message = property(error, 'message', '');
  const type = typeName(error);
  const about = weakMapGet(places, error);
  if (about !== undefined) return aboutPlace(error, type, message, about);
  let line = lineOf(error, file);
  if (line === null && file === undefined) {
    // All of it happened while a module was read.
    file = firstModule(error);
    if (file !== undefined) line = lineOf(error, file);
  }
  return { __proto__: null, type, message, traceback: traceback(error), line, file };
}

function aboutPlace(error, type, message, { file, shown, line, column, traceback }) {
  let text = traceback ?? `${type}: ${message}\n    at ${shown}:${line}:${column}\n`;
  const advice = weakMapGet(notes, error);
  if (advice !== undefined) text += `note: ${advice}\n`;
  return { __proto__: null, type, message, traceback: text, line: line ?? null, file };
}

/** The module in which an error was raised. */
function firstModule(error) {
  if (mapSize(modules) === 0) return undefined;
  let text;
  try {
    text = apply(engineStack, error, []);
  } catch {
    return undefined;
  }
  const frames = typeof text === 'string' ? lines(text) : [];
  for (let i = 0; i < frames.length; i++) {
    const frame = parsed(frames[i]);
    if (frame !== undefined && mapGet(modules, sourceUrl(frame.file)) !== undefined) return frame.file;
  }
  return undefined;
}

/** The engine throws its own text when memory is at an end. */
function isOutOfMemory(error) {
  if (error === 'out of memory') return true;
  return isErrorObject(error) && getPrototypeOf(error) === internalError && property(error, 'message', '') === 'out of memory';
}

function typeName(error) {
  const name = property(error, 'name', 'Error');
  if (name !== 'Error') return name;
  // `class Refused extends Error` without a name of its own.
  try {
    const constructor = error.constructor;
    return typeof constructor === 'function' && typeof constructor.name === 'string' ? constructor.name || name : name;
  } catch {
    return name;
  }
}

function traceback(error) {
  const text = chain(error, '', new TheMap(), 0);
  return endsWith(text, '\n') ? text : `${text}\n`;
}

function chain(error, indent, told, depth) {
  if (!isErrorObject(error)) return indent + shown(error);
  if (mapGet(told, error)) return `${indent}[Circular]`;
  mapSet(told, error, true);
  let text = indented(ownText(error), indent);
  const advice = weakMapGet(notes, error);
  if (advice !== undefined) text += `\n${indent}note: ${advice}`;
  if (depth >= DEEPEST) return text;
  const errors = property2(error, 'errors');
  if (isArray(errors)) {
    for (let i = 0; i < errors.length && i < 20; i++) {
      text += `\n${indent}  [errors][${i}]:\n${chain(errors[i], indent + '    ', told, depth + 1)}`;
    }
  }
  const hidden = getOwn(error, 'cause');
  if (hidden !== undefined) text += `\n${indent}  [cause]:\n${chain(hidden, indent + '    ', told, depth + 1)}`;
  return text;
}

/** An error's stack as the script would see it; its own text if it set one. */
function ownText(error) {
  const own = getOwn(error, 'stack');
  if (typeof own === 'string' && own !== '') return own;
  const type = typeName(error);
  const message = property(error, 'message', '');
  return (message === '' ? type : `${type}: ${message}`) + (framesOf(error) ?? '');
}

function property2(object, name) {
  try {
    return object[name];
  } catch {
    return undefined;
  }
}

function getOwn(object, name) {
  try {
    return getOwnPropertyDescriptor(object, name)?.value;
  } catch {
    return undefined;
  }
}

function indented(text, indent) {
  if (indent === '') return text;
  const parts = lines(text);
  let done = '';
  for (let i = 0; i < parts.length; i++) done += (i > 0 ? '\n' : '') + indent + parts[i];
  return done;
}
