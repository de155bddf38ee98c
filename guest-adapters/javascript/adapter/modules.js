// Modules of files: linked with each other, and evaluated in order, each once.
//
// What a module exports are getters, what it imports are variables that setters fill, so that
// modules may import each other: those are functions that stop once, when their own functions are
// there, and go on when it is their turn.

import { builtin } from './builtins.js';
import { checkLate, gather, link, namespaceFor, namespaceIn, settled } from './linking.js';
import { nodeNamespace } from './nodes.js';
import { valuesOf } from './packages.js';
import { TheError, apply, create, indexOf, push } from './primordials.js';
import { DONE, FAILED, RUNNING, body, forgetUnfinished, main, mainRecord, own, read } from './records.js';
import { members, runCommon } from './require.js';
import { coded, find, folderOf, locate, urlOf } from './resolve.js';
import { namespace as toolNamespace, namespaceOf as namespaceNamed } from './tooltree.js';

/** What a module's program is called with. */
function called(record) {
  const m = { __proto__: members, modules: undefined, last: undefined, default: undefined, import: (specifier) => imported(specifier, record) };
  record.m = own(m, record);
  return m;
}

/** What a program tells of itself when it begins. */
export function linked(record, getters, setters) {
  record.getters = getters;
  record.setters = setters;
  fill(record, record.isCyclic);
}

/** Gives a module the values that it imports; those of modules that have not run are not there yet. */
function fill(record, isEarly) {
  const { setters, targets, m } = record;
  const modules = [];
  for (let i = 0; i < targets.length; i++) push(modules, namespaceIn(targets[i]));
  m.modules = modules;
  for (let i = 0; i < setters.length; i++) {
    if (!isEarly) {
      setters[i]();
      continue;
    }
    try {
      setters[i]();
    } catch {
      // Its declaration was not reached.
    }
  }
}

/** What a module exports has changed. */
export function changed(record) {
  for (let i = 0; i < record.importers.length; i++) {
    const importer = record.importers[i];
    if (importer.setters !== undefined) fill(importer, true);
  }
  // What others pass on.
  for (let i = 0; i < record.importers.length; i++) {
    const importer = record.importers[i];
    if (importer !== record && importer.from.length + importer.stars.length > 0 && importer.isPassing !== true) {
      importer.isPassing = true;
      changed(importer);
      importer.isPassing = false;
    }
  }
}

/** Runs a module whose imports have run; answers a promise if it waits. */
function run(record) {
  if (record.state === FAILED) throw record.error;
  if (record.state === DONE || record.state === RUNNING) return record.pending;
  record.state = RUNNING;
  try {
    if (record.isCommon) {
      runCommon(record);
      ended(record);
      return undefined;
    }
    if (record.packed?.simple !== undefined) {
      record.getters = gettersOf(valuesOf(record.packed.programs, record.packed.number));
      ended(record);
      return undefined;
    }
    checkLate(record);
    if (record.rest !== undefined) {
      if (!record.waits) {
        fill(record, true);
        record.rest.next();
        ended(record);
        return undefined;
      }
      record.pending = resumed(record);
    } else if (record.waits) {
      record.pending = awaited(record, body(record)(called(record)));
    } else {
      body(record)(called(record));
      ended(record);
    }
    return record.pending;
  } catch (error) {
    throw failed(record, error);
  }
}

function gettersOf(values) {
  const getters = create(null);
  for (const name in values) getters[name] = () => values[name];
  return getters;
}

function ended(record) {
  record.state = DONE;
  record.pending = undefined;
  if (record.isCyclic) changed(record);
}

function failed(record, error) {
  record.state = FAILED;
  record.error = error;
  record.pending = undefined;
  return error;
}

async function resumed(record) {
  try {
    await record.rest.next();
    fill(record, true);
    await record.rest.next();
    ended(record);
  } catch (error) {
    throw failed(record, error);
  }
}

async function awaited(record, promise) {
  try {
    await promise;
    ended(record);
  } catch (error) {
    throw failed(record, error);
  }
}

/** Tools that were asked for, and that nobody waits for any more. */
function unheard(spaces) {
  for (let i = 0; i < spaces.length; i++) apply(then, spaces[i].promise, [undefined, () => {}]);
}
const { then } = Promise.prototype;

/** Has the functions of modules be there that import each other, before any of them runs. */
function prepare(order) {
  for (let i = 0; i < order.length; i++) {
    const record = order[i];
    if (!record.isCyclic || record.isCommon || record.rest !== undefined) continue;
    record.rest = body(record)(record.m ?? called(record));
    if (!record.waits) record.rest.next();
  }
}

function forgetOrder(order) {
  for (let i = 0; i < order.length; i++) order[i].order = -1;
}

/** Reads, links and runs a module and what it imports, save the last of them if that is the script itself. */
async function load(root) {
  const spaces = [];
  const order = ordered(root, spaces);
  if (spaces.length > 0) await settled(spaces);
  link(order);
  prepare(order);
  for (let i = 0; i < order.length; i++) {
    if (order[i] === main && root === main) continue;
    const pending = run(order[i]);
    if (pending !== undefined) await pending;
  }
}

function ordered(root, spaces) {
  try {
    const order = gather(root, spaces);
    forgetOrder(order);
    return order;
  } catch (error) {
    // What was read halfway is read again, should the script go on.
    forgetUnfinished();
    unheard(spaces);
    throw error;
  }
}

/** The same at once, for `require`: nothing of it may wait. */
export function loadNow(root) {
  const spaces = [];
  const order = ordered(root, spaces);
  let waiting = spaces.length > 0;
  for (let i = 0; i < order.length; i++) waiting ||= order[i].waits && order[i].state !== DONE;
  if (waiting) {
    unheard(spaces);
    const why = spaces.length > 0 ? 'a module that imports tools' : 'a module that waits at its top level';
    throw coded(new TheError(`require() cannot load ${why}; use import() instead: '${root.path}'`), 'ERR_REQUIRE_ASYNC_MODULE');
  }
  link(order);
  prepare(order);
  for (let i = 0; i < order.length; i++) run(order[i]);
}

/** Loads what a script imports; answers the function that is its body. */
export async function loadScript(body) {
  const main = mainRecord();
  await load(main);
  checkLate(main);
  main.state = RUNNING;
  if (main.rest === undefined) return body;
  const { rest, waits } = main;
  return waits
    ? async () => {
        await rest.next();
        fill(main, true);
        return (await rest.next()).value;
      }
    : () => {
        fill(main, true);
        return rest.next().value;
      };
}

/** `import()` in a module. */
export async function imported(specifier, from) {
  const text = `${specifier}`;
  // A package has folders called `tools` of its own.
  const tools = indexOf(from.path, '/node_modules/') < 0 ? namespaceNamed(text) : undefined;
  if (tools !== undefined) return await toolNamespace(tools);
  const { node, own, path } = find(text, from, 'import');
  if (node !== undefined) return nodeNamespace(node);
  if (own !== undefined) return builtin(own, []);
  const record = read(path);
  if (record.state === FAILED) throw record.error;
  if (record.pending !== undefined) await record.pending;
  else if (record.state !== DONE && record.state !== RUNNING) await load(record);
  return namespaceFor(record);
}

/** `import.meta` of a module. */
export function metaOf(record) {
  const url = urlOf(record.path);
  record.meta ??= {
    __proto__: null,
    dirname: folderOf(record.path),
    filename: record.path,
    main: record.isMain,
    resolve: { resolve: (specifier) => resolved(`${specifier}`, record) }.resolve,
    url,
  };
  return record.meta;
}

function resolved(specifier, record) {
  const { node, own, path } = locate(specifier, record.path, 'import', record.seen);
  return node !== undefined ? `node:${node}` : own ?? urlOf(path);
}
