// How modules of files find each other: what each imports, what it exports, and whether all of it is there.

import { builtin } from './builtins.js';
import { place } from './errors.js';
import { noteNamespace } from './namespaces.js';
import { namespaceOf, nodeNamespace } from './nodes.js';
import {
  TheError,
  TheSyntaxError,
  create,
  defineProperty,
  freeze,
  hasOwn,
  keys,
  push,
  slice,
  startsWith,
  apply,
} from './primordials.js';
import { DONE, FAILED, LINKED, READ, read } from './records.js';
import { loadNow } from './modules.js';
import { pathOf, valuesOf } from './packages.js';
import { find, locate } from './resolve.js';
import { check, namespace as toolNamespace } from './tooltree.js';

const { sort } = Array.prototype;

/** How many modules may import each other in a row. */
const DEEPEST = 300;

/** Reads all that a module imports, and what that imports; `spaces` gets tools that the host is asked for. */
export function gather(root, spaces) {
  const found = { __proto__: null, order: [], open: [], count: 0, spaces };
  visit(root, found, 0);
  return found.order;
}

/** In `order` each module comes after those that it imports; modules that import each other are marked. */
function visit(record, found, depth) {
  if (record.state === FAILED) throw record.error;
  if (record.state === DONE || record.isValue) return;
  if (depth > DEEPEST) throw new TheError(`modules import each other more than ${DEEPEST} deep: '${record.path}'`);
  record.order = record.low = found.count++;
  record.open = true;
  push(found.open, record);
  const targets = targetsOf(record, found.spaces);
  for (let i = 0; i < targets.length; i++) {
    const next = targets[i].record;
    if (next === undefined || next.isValue || next.state === DONE) continue;
    if (next.order < 0) {
      visit(next, found, depth + 1);
      if (next.low < record.low) record.low = next.low;
    } else if (next.open && next.order < record.low) {
      record.low = next.order;
    }
    if (next === record) record.isCyclic = true;
  }
  if (record.low === record.order) {
    const size = found.open.length;
    let from = size - 1;
    while (found.open[from] !== record) from--;
    for (let i = from; i < size; i++) {
      if (size - from > 1 && found.open[i].state === READ) found.open[i].isCyclic = true;
      found.open[i].open = false;
    }
    found.open.length = from;
  }
  push(found.order, record);
}

function targetsOf(record, spaces) {
  if (record.targets !== undefined || record.isCommon) return record.targets ?? [];
  const { imports } = record.program;
  const targets = [];
  for (let i = 0; i < imports.length; i++) {
    try {
      push(targets, targetOf(imports[i], record, spaces, i));
    } catch (error) {
      throw placed(error, record, imports[i]);
    }
  }
  record.targets = targets;
  return targets;
}

function targetOf(wanted, record, spaces, at) {
  const { namespace, module, file, names } = wanted;
  const target = { __proto__: null, record: undefined, namespace: undefined };
  if (namespace !== undefined) {
    push(spaces, { __proto__: null, target, promise: toolNamespace(namespace), record });
  } else {
    const found = module === undefined ? find(file, record, 'import') : placeOf(module, record);
    if (found.node !== undefined) target.namespace = nodeNamespace(found.node);
    else if (found.own !== undefined) target.namespace = builtin(found.own, names);
    else {
      const other = read(found.path);
      if (other.lazy === undefined || isWhole(wanted, record, at)) target.record = other;
      else target.namespace = someOf(other, names, record);
    }
  }
  return target;
}

function placeOf(module, record) {
  return startsWith(module, 'node:') ? { __proto__: null, node: slice(module, 5) } : locate(module, record.path, 'import', record.seen);
}

/** Whether the names that an import has are not all that is asked of it. */
function isWhole(wanted, record, at) {
  if (wanted.star || wanted.perhaps === true || record.program.session === true) return true;
  for (let i = 0; i < record.stars.length; i++) if (record.stars[i] === at) return true;
  for (let i = 0; i < record.from.length; i++) if (record.from[i][1] === at) return true;
  return false;
}

/** Those of a lazy module's exports that a module imports. */
function someOf(lazy, names, importer) {
  const some = create(null);
  for (let i = 0; i < names.length; i++) if (hasOwn(lazy.lazy, names[i])) addLate(some, lazy, names[i], importer);
  return some;
}

/** Adds a member whose module is loaded when it is asked for. */
function addLate(object, lazy, name, importer) {
  const place = lazy.lazy[name][0];
  const member = lazy.lazy[name][1];
  const { programs } = lazy.packed;
  let other;
  const get = () => {
    const values = member === null ? undefined : valuesOf(programs, place);
    if (values !== undefined) return values[member];
    if (other === undefined) {
      const module = read(pathOf(programs, place));
      if (module.state === FAILED) throw module.error;
      if (module.state !== DONE) loadNow(module);
      if (importer !== undefined) push(module.importers, importer);
      other = module;
    }
    const space = namespaceFor(other);
    return member === null ? space : space[member];
  };
  defineProperty(object, name, { __proto__: null, get, enumerable: true });
}

/** An error that belongs to an import where nothing was raised. */
function placed(error, record, { line, column }) {
  return place(error, record.path, record.isMain, line, column);
}

/** Waits for tools that are imported. */
export async function settled(spaces) {
  for (let i = 0; i < spaces.length; i++) {
    const { target, promise, record } = spaces[i];
    try {
      target.namespace = await promise;
    } catch (error) {
      const imports = record.program.imports;
      throw placed(error, record, imports[at(record.targets, target)]);
    }
  }
}

function at(list, item) {
  for (let i = 0; i < list.length; i++) if (list[i] === item) return i;
  return -1;
}

/** Checks that all names are there which are imported. */
export function link(order) {
  for (let i = 0; i < order.length; i++) {
    const record = order[i];
    if (record.state !== READ) continue;
    if (!record.isCommon) checkNames(record);
    record.state = LINKED;
  }
}

function checkNames(record) {
  const { imports } = record.program;
  const { targets } = record;
  for (let i = 0; i < targets.length; i++) {
    const { record: other, namespace } = targets[i];
    if (other !== undefined) push(other.importers, record);
    try {
      if (other === undefined && imports[i].namespace !== undefined) check(imports[i], namespace, false);
      else checkOne(record, imports[i], other, namespace);
    } catch (error) {
      throw placed(error, record, imports[i]);
    }
  }
  for (let i = 0; i < record.from.length; i++) {
    const [, place, member] = record.from[i];
    if (member === null || record.isTyped || lateNames(targets[place].record)) continue;
    if (getterOf(targets[place], member, []) === undefined) throw placed(noExport(imports[place], member), record, imports[place]);
  }
}

function checkOne(record, wanted, other, namespace) {
  // What CommonJS exports is known when it has run.
  if (lateNames(other)) return;
  for (let i = 0; i < wanted.names.length; i++) {
    if (getterOf({ __proto__: null, record: other, namespace }, wanted.names[i], []) === undefined) throw noExport(wanted, wanted.names[i]);
  }
}

function lateNames(record) {
  return record !== undefined && record.isCommon && record.state !== DONE;
}

function noExport({ file, module }, name) {
  return new TheSyntaxError(`The requested module '${file ?? module}' does not provide an export named '${name}'`);
}

/** The function that answers what a module exports by a name. */
function getterOf({ record, namespace }, name, seen) {
  if (record === undefined) return hasOwn(namespace, name) ? () => namespace[name] : undefined;
  if (record.isCommon || record.isValue || record.lazy !== undefined) {
    const own = namespaceFor(record);
    return hasOwn(own, name) ? () => own[name] : undefined;
  }
  if (record.exports[name] === true) return () => (record.getters === undefined ? undefined : record.getters[name]());
  for (let i = 0; i < seen.length; i++) if (seen[i][0] === record && seen[i][1] === name) return undefined;
  push(seen, [record, name]);
  for (let i = 0; i < record.from.length; i++) {
    const [own, place, member] = record.from[i];
    if (own !== name) continue;
    const target = record.targets[place];
    if (member === null) return () => namespaceIn(target);
    return lateNames(target.record) ? () => namespaceIn(target)[member] : getterOf(target, member, seen);
  }
  if (name === 'default') return undefined;
  for (let i = 0; i < record.stars.length; i++) {
    const found = getterOf(record.targets[record.stars[i]], name, seen);
    if (found !== undefined) return found;
  }
  return undefined;
}

function namesOf(record, into, seen) {
  for (let i = 0; i < seen.length; i++) if (seen[i] === record) return;
  push(seen, record);
  for (const name in record.exports) into[name] = true;
  for (let i = 0; i < record.from.length; i++) into[record.from[i][0]] = true;
  for (let i = 0; i < record.stars.length; i++) {
    const { record: other, namespace } = record.targets[record.stars[i]];
    const names = create(null);
    if (other === undefined) addNames(names, namespace);
    else if (other.isCommon || other.isValue || other.lazy !== undefined) addNames(names, namespaceFor(other));
    else namesOf(other, names, seen);
    for (const name in names) if (name !== 'default') into[name] = true;
  }
}

function addNames(into, object) {
  const names = keys(object);
  for (let i = 0; i < names.length; i++) into[names[i]] = true;
}

export function namespaceIn({ record, namespace }) {
  return record === undefined ? namespace : namespaceFor(record);
}

/** The object that `import * as x` gives. */
export function namespaceFor(record) {
  if (record.namespace !== undefined) return record.namespace;
  if (record.isValue) {
    record.namespace = namespaceOf(record.value, false);
    return record.namespace;
  }
  if (record.isCommon) {
    const { module } = record;
    const made = namespaceOf(module?.exports, false);
    if (record.state === DONE) record.namespace = made;
    return made;
  }
  let found = record.lazy;
  if (found === undefined) {
    found = create(null);
    namesOf(record, found, []);
  }
  const names = apply(sort, keys(found), []);
  const namespace = create(null);
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    if (record.lazy !== undefined) {
      addLate(namespace, record, name);
      continue;
    }
    const get = getterOf({ __proto__: null, record }, name, []);
    if (get !== undefined) defineProperty(namespace, name, { __proto__: null, get, enumerable: true });
  }
  defineProperty(namespace, Symbol.toStringTag, { __proto__: null, value: 'Module' });
  record.namespace = freeze(noteNamespace(namespace));
  return record.namespace;
}

/** The names that are imported of CommonJS, which has run. */
export function checkLate(record) {
  const { imports } = record.program;
  for (let i = 0; i < record.targets.length; i++) {
    const { record: other } = record.targets[i];
    if (other === undefined || !other.isCommon || other.state !== DONE) continue;
    const own = namespaceFor(other);
    for (let j = 0; j < imports[i].names.length; j++) {
      if (!hasOwn(own, imports[i].names[j])) throw placed(noExport(imports[i], imports[i].names[j]), record, imports[i]);
    }
  }
}
