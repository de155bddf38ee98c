// Modules of Node's, as scripts import them: `default` is the module itself.

import { noteNamespace } from './namespaces.js';
import { builtin } from './node/index.js';
import {
  TheError,
  TheMap,
  create,
  defineProperty,
  freeze,
  getPrototypeOf,
  hasOwn,
  mapGet,
  mapSet,
  objectPrototype,
  ownKeys,
} from './primordials.js';
import { coded } from './resolve.js';

/** By name, the namespaces that were made. */
const made = new TheMap();

/** Members that every function has. */
const OF_FUNCTIONS = { __proto__: null, length: true, name: true, prototype: true, arguments: true, caller: true };
const functionPrototype = Function.prototype;

/** Modules that are made here, by their names: `node:module`. */
const ours = create(null);
export function provide(name, module) {
  ours[name] = module;
}

/** What `require('node:fs')` answers. */
export function nodeModule(name) {
  const module = ours[name] ?? builtin(name);
  if (module === undefined) throw coded(new TheError(`No such built-in module: node:${name}`), 'ERR_UNKNOWN_BUILTIN_MODULE');
  return module;
}

/** What `import * as fs from 'node:fs'` gives. */
export function nodeNamespace(name) {
  let namespace = mapGet(made, name);
  if (namespace === undefined) {
    namespace = namespaceOf(nodeModule(name), true);
    mapSet(made, name, namespace);
  }
  return namespace;
}

/** The namespace of a module that is a value: its members, and as `default` itself, or a default of its own. */
export function namespaceOf(module, hasDefault) {
  const namespace = create(null);
  const isObject = (typeof module === 'object' && module !== null) || typeof module === 'function';
  for (let from = module; isObject && from !== null && from !== objectPrototype && from !== functionPrototype; from = getPrototypeOf(from)) {
    const names = ownKeys(from);
    for (let i = 0; i < names.length; i++) {
      const name = names[i];
      if (typeof name !== 'string' || hasOwn(namespace, name) || name === 'default' || name === 'constructor') continue;
      if (typeof from === 'function' && OF_FUNCTIONS[name] === true) continue;
      defineProperty(namespace, name, { __proto__: null, get: () => module[name], enumerable: true });
    }
  }
  const own = hasDefault && isObject && hasOwn(module, 'default');
  defineProperty(namespace, 'default', { __proto__: null, get: () => (own ? module.default : module), enumerable: true });
  defineProperty(namespace, Symbol.toStringTag, { __proto__: null, value: 'Module' });
  return freeze(noteNamespace(namespace));
}
