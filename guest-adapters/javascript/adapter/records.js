// Modules of files that were read: where they are, what was made of them, and how far they are.
//
// The guest reads them by its own rights, and has the host transform them (`programs` of
// `wit/guest.wit`).

import { bindAtOnce } from './ambient.js';
import { addFile, place, sourcePlace, told, where } from './errors.js';
import { sizeAt, textAt } from './files.js';
import { readAny } from './json.js';
import {
  TheError,
  TheMap,
  TheSyntaxError,
  create,
  endsWith,
  evaluate,
  indexOf,
  lastIndexOf,
  mapClear,
  mapDelete,
  mapForEach,
  mapGet,
  mapSet,
  parse,
  slice,
  stringify,
  weakMapGet,
  weakMapSet,
} from './primordials.js';
import { begin as beginResolving, coded } from './resolve.js';
import { begin as beginPackages, moduleAt } from './packages.js';
import { program } from './taken.js';

/** Largest source of a module, in characters. */
const LONGEST = 8 << 20;

// States of a module.
export const READ = 0;
export const LINKED = 1;
export const RUNNING = 2;
export const DONE = 3;
export const FAILED = 4;

/** By path, the modules that were read. */
const records = new TheMap();

/** The script itself, once anything asks for it. */
export let main;

/** What a run began with, until then: most scripts have no use for it. */
let begun;

/** A run begins: `m` is what its program is called with. */
export function begin(script, m) {
  begun = { __proto__: null, script, m };
  beginPackages(script);
}

/** The script itself. */
export function mainRecord() {
  if (begun === undefined) return main;
  const { script, m } = begun;
  begun = undefined;
  beginResolving();
  main = newRecord(script.path ?? pathOf(script.name), script);
  main.seen = script.path !== undefined;
  main.isMain = true;
  // Nobody else runs it.
  if (script.links === undefined) main.state = RUNNING;
  main.m = m;
  own(m, main);
  if (script.path !== undefined) mapSet(records, main.path, main);
  return main;
}

/** Whose module it is that a program was called with `m`; a script may see `m`, and not this. */
const owners = new WeakMap();

export function own(m, record) {
  weakMapSet(owners, m, record);
  return m;
}

export function ownerOf(m) {
  return weakMapGet(owners, m) ?? mainRecord();
}

/** For the warm-up: as if nothing was read. */
export function forget() {
  mapClear(records);
  main = begun = undefined;
}

/** Where a script would be that no mount shows: in the working directory. */
function pathOf(name) {
  let folder;
  try {
    folder = globalThis.process.cwd();
  } catch {
    folder = '/';
  }
  return `${folder === '/' ? '' : folder}/${slice(name, lastIndexOf(name, '/') + 1)}`;
}

function newRecord(path, made) {
  const links = made?.links;
  return {
    __proto__: null,
    path,
    program: made,
    state: READ,
    error: undefined,
    isMain: false,
    seen: true,
    isCommon: made?.common === true,
    /** What each import is: {record} or {namespace}. */
    targets: undefined,
    /** Modules that import this one, whose variables follow what changes here. */
    importers: [],
    getters: undefined,
    setters: undefined,
    exports: setOf(links?.exports ?? []),
    from: links?.from ?? [],
    stars: links?.stars ?? [],
    waits: links?.waits === true,
    isTyped: links?.typed === true,
    isCyclic: false,
    isProgram: false,
    rest: undefined,
    pending: undefined,
    order: -1,
    low: -1,
    open: false,
    namespace: undefined,
    value: undefined,
    isValue: false,
    module: undefined,
    require: undefined,
    meta: undefined,
    m: undefined,
    /** What a bundle of packages has of it. */
    packed: undefined,
    /** What it passes on of others, which are loaded when somebody asks for it: {name: [place, name there | null]}. */
    lazy: undefined,
  };
}

function setOf(names) {
  const set = create(null);
  for (let i = 0; i < names.length; i++) set[names[i]] = true;
  return set;
}

/** The module at a path, which is read if it was not. */
export function read(path) {
  let record = mapGet(records, path);
  if (record !== undefined) return record;
  const packed = moduleAt(path);
  if (packed !== undefined) {
    record = newRecord(path, packed.program);
    record.packed = packed;
    record.lazy = packed.lazy;
    if (packed.lazy !== undefined) record.state = DONE;
    else if (packed.simple === undefined) addFile(path, packed.program);
    else ofValues(record, packed.program);
    mapSet(records, path, record);
    return record;
  }
  if (endsWith(path, '.node')) throw coded(new TheError(`native modules cannot be loaded: '${path}'`), 'ERR_DLOPEN_FAILED');
  if (sizeAt(path) > LONGEST) throw new TheError(`a module has at most ${LONGEST >> 20} MiB: '${path}'`);
  const text = textAt(path);
  if (endsWith(path, '.json')) {
    record = newRecord(path, undefined);
    record.value = json(text, path);
    record.isValue = true;
    record.state = DONE;
  } else {
    if (program === undefined) throw new TheError(`a component that was built reads no modules: '${path}'`);
    const answer = parse(program(stringify({ __proto__: null, name: path, source: text })));
    if (answer.raised !== undefined) throw told(answer.raised);
    record = newRecord(path, answer.program);
    addFile(path, answer.program);
    if (answer.program.ambient !== undefined) bindAtOnce(answer.program.ambient);
  }
  mapSet(records, path, record);
  return record;
}

/** A module of which others see the values that it has once it has run. */
function ofValues(record, { names, from }) {
  record.targets = [];
  record.exports = setOf(names);
  for (let i = 0; i < from.length; i++) record.exports[from[i][0]] = true;
}

export function known(path) {
  return mapGet(records, path);
}

export function drop(record) {
  if (mapGet(records, record.path) === record) mapDelete(records, record.path);
}

export function forgetUnfinished() {
  mapForEach(records, (record, path) => {
    record.order = -1;
    record.open = false;
    if (record.state === READ && record !== main) mapDelete(records, path);
  });
}

function json(text, path) {
  try {
    return readAny(text);
  } catch (error) {
    throw new TheSyntaxError(`${path}: ${error.message}`);
  }
}

/** The function that a module's program is. */
export function body(record) {
  const { source } = record.program;
  let text = source;
  if (record.isCyclic) {
    const at = indexOf(text, '/*cycle*/');
    const name = indexOf(text, 'function(') + 8;
    text = `${slice(text, 0, name)}*${slice(text, name, at)}yield;${slice(text, at + 9)}`;
  }
  try {
    return evaluate(`${text}\n//# sourceURL=${where(record.path, record.isMain)}`);
  } catch (error) {
    const { line, column } = sourcePlace(error, where(record.path, record.isMain));
    throw place(error, record.path, record.isMain, line, column);
  }
}
