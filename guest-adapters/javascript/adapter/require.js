// CommonJS: `require`, `module`, `exports`, `__filename` and `__dirname`.

import { builtin } from './builtins.js';
import { namespaceFor } from './linking.js';
import * as modules from './modules.js';
import * as records from './records.js';
import { nodeModule, provide } from './nodes.js';
import { names as nodeNames } from './node/index.js';
import { TheError, TheTypeError, apply, create, defineProperty, evaluate, freeze, hasOwn, keys, push, startsWith } from './primordials.js';
import { checkSpecifier, coded, find, folderOf, isNode, pathOfUrl } from './resolve.js';
import { where } from './errors.js';
import { namespaceOf as namespaceNamed } from './tooltree.js';

/** `require.cache`: by path, the modules of CommonJS that were run. */
const cache = create(null);

/** Node's class of modules, as far as scripts look at it. */
function Module(id) {
  this.id = id;
  this.path = folderOf(id);
  this.exports = {};
  this.filename = id;
  this.loaded = false;
  this.children = [];
  this.paths = pathsAbove(this.path);
}
Module.prototype.require = function (id) {
  return createRequire(this.filename)(id);
};

function pathsAbove(folder) {
  const found = [];
  for (let at = folder; ; at = folderOf(at)) {
    push(found, `${at === '/' ? '' : at}/node_modules`);
    if (at === '/') return found;
  }
}

export function newModule(path) {
  return new Module(path);
}

/** The module object of a file. */
export function moduleOf(record) {
  if (record.module === undefined) {
    record.module = newModule(record.path);
    if (record.isMain) {
      record.module.id = '.';
      // Node's: a script has run when it has ended.
      cache[record.path] = record.module;
    }
  }
  return record.module;
}

/** `require` of a file. */
export function requireOf(record) {
  if (record.require !== undefined) return record.require;
  const { require } = {
    require(id) {
      checkSpecifier(id);
      return required(id, record);
    },
  };
  const { resolve } = {
    resolve(id) {
      checkSpecifier(id);
      const { node, own, path } = find(id, record, 'require');
      return node !== undefined ? id : own ?? path;
    },
  };
  resolve.paths = (id) => (isNode(id) || startsWith(id, 'node:') ? null : pathsAbove(folderOf(record.path)));
  defineProperty(require, 'main', {
    __proto__: null,
    get() {
      const main = records.mainRecord();
      // Then the script is a program, and its exports are for others.
      main.isProgram = true;
      return moduleOf(main);
    },
    enumerable: true,
    configurable: true,
  });
  require.resolve = resolve;
  require.cache = cache;
  require.extensions = { __proto__: null };
  record.require = require;
  return require;
}

function required(id, from) {
  let place;
  try {
    place = find(id, from, 'require');
  } catch (error) {
    if (namespaceNamed(id) === undefined) throw error;
    throw new TheError(`tools are imported, not required: write \`import * as tools from '${id}'\`, or \`await import('${id}')\``);
  }
  if (place.node !== undefined) return nodeModule(place.node);
  if (place.own !== undefined) return builtin(place.own, []);
  let record = records.known(place.path);
  // A script may take a module out of `require.cache` to have it run again.
  if (record?.isCommon && record.state === records.DONE && !record.isMain && !hasOwn(cache, place.path)) {
    records.drop(record);
    record = undefined;
  }
  record ??= records.read(place.path);
  if (record.isValue) return record.value;
  if (record.isCommon) {
    const module = moduleOf(record);
    if (record.state === records.FAILED) throw record.error;
    if (record.state !== records.DONE && record.state !== records.RUNNING && !record.isMain) {
      if (from.module !== undefined) push(from.module.children, module);
      modules.loadNow(record);
    }
    return (cache[place.path] ?? module).exports;
  }
  if (record.state !== records.DONE) {
    if (record.state === records.RUNNING) throw coded(new TheError(`Cannot require() ES Module ${record.path} in a cycle`), 'ERR_REQUIRE_CYCLE_MODULE');
    modules.loadNow(record);
  }
  return namespaceFor(record);
}

/** Runs a module of CommonJS. */
export function runCommon(record) {
  const module = moduleOf(record);
  cache[record.path] = module;
  const m = { __proto__: members, modules: undefined, last: undefined, default: undefined, import: (specifier) => modules.imported(specifier, record) };
  record.m = records.own(m, record);
  try {
    apply(evaluate(`${record.program.source}\n//# sourceURL=${where(record.path, false)}`), module.exports, [m]);
  } catch (error) {
    delete cache[record.path];
    records.drop(record);
    throw error;
  }
  module.loaded = true;
}

/** What the programs of modules find in what they are called with. */
export const members = freeze({
  __proto__: null,
  link(getters, setters) {
    modules.linked(records.ownerOf(this), getters, setters);
  },
  up(value) {
    modules.changed(records.ownerOf(this));
    return value;
  },
  get meta() {
    return modules.metaOf(records.ownerOf(this));
  },
  get require() {
    return requireOf(records.ownerOf(this));
  },
  get module() {
    return moduleOf(records.ownerOf(this));
  },
  get exports() {
    return moduleOf(records.ownerOf(this)).exports;
  },
  get __filename() {
    return records.ownerOf(this).path;
  },
  get __dirname() {
    return folderOf(records.ownerOf(this).path);
  },
  /** What a script hands to whoever requires it is its value, if nobody does, and it is no set of functions. */
  exported() {
    const value = moduleOf(records.ownerOf(this)).exports;
    if (records.ownerOf(this).isProgram) return undefined;
    if (typeof value !== 'object' || value === null) return value;
    const names = keys(value);
    for (let i = 0; i < names.length; i++) if (typeof value[names[i]] === 'function') return undefined;
    return value;
  },
});

/** `createRequire` of `node:module`. */
function createRequire(from) {
  const text = typeof from === 'object' && from !== null && typeof from.href === 'string' ? from.href : from;
  if (typeof text !== 'string' || !(startsWith(text, 'file:') || startsWith(text, '/'))) {
    throw coded(new TheTypeError(`The argument 'filename' must be a file URL object, file URL string, or absolute path string. Received ${typeof text === 'string' ? `'${text}'` : typeof text}`), 'ERR_INVALID_ARG_VALUE');
  }
  const path = startsWith(text, 'file:') ? pathOfUrl(text) : text;
  const main = records.mainRecord();
  if (main?.path === path) return requireOf(main);
  return requireOf({ __proto__: null, path, seen: true, require: undefined, module: undefined });
}

const own = {
  createRequire,
  isBuiltin: (name) => startsWith(name, 'node:') ? isNode(name.slice(5)) : isNode(name),
  Module,
  _cache: cache,
};
defineProperty(own, 'builtinModules', { __proto__: null, get: () => [...nodeNames, 'module'].sort(), enumerable: true, configurable: true });
Object.assign(Module, { createRequire, isBuiltin: own.isBuiltin, Module, _cache: cache });
defineProperty(Module, 'builtinModules', { __proto__: null, get: () => own.builtinModules, enumerable: true, configurable: true });
provide('module', Module);
