// The modules of Node by name, each made when a script first asks for it, and the packages of
// npm that some are made of: their texts are compiled then, too.

import { entries, files } from './packages.js';
import { create, evaluate as script, hasOwn, push } from '../primordials.js';

const makers = create(null);
const made = create(null);
const evaluated = create(null);
/** Names in the order of their announcement. */
export const names = [];

/** Announces a module; `make` answers it, and is called once. */
export function provide(name, make) {
  makers[name] = make;
  push(names, name);
}

/** The module of that name, without `node:`; undefined where there is none. */
export function need(name) {
  if (!hasOwn(makers, name)) return undefined;
  if (!hasOwn(made, name)) made[name] = makers[name]();
  return made[name];
}

/** Whether a module was asked for already. */
export function isMade(name) {
  return hasOwn(made, name);
}

/** What a package exports, by the name that `../build/packages.mjs` gives it. */
export function packaged(name) {
  return evaluate(entries[name]);
}

function evaluate(file) {
  if (hasOwn(evaluated, file)) return evaluated[file].exports;
  const module = { exports: {} };
  evaluated[file] = module;
  const act = script(`(${files[file]})\n//# sourceURL=wxmcp-adapter/packages/${file}`);
  act(module.exports, required, module);
  return module.exports;
}

function required(name) {
  return name.startsWith('node:') ? (need(name.slice(5)) ?? inner[name.slice(5)]()) : evaluate(name);
}

/** What packages ask for and scripts do not get by that name. */
const inner = {
  __proto__: null,
  // Called with options of its own.
  qs: () => ({ parse: (text) => need('querystring').parse(text), stringify: (query) => need('querystring').stringify(query) }),
  globals: () => ({ AbortController: globalThis.AbortController, AbortSignal: globalThis.AbortSignal }),
};
