// Node's own modules, by name.

import { path } from './path.js';

const modules = { __proto__: null, path };

/** All names, without `node:`. */
export const names = Object.keys(modules);

/** The module of that name; undefined where there is none. */
export function builtin(name) {
  return modules[name];
}
