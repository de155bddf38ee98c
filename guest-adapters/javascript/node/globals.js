// The globals of Node beside those of the adapter: `Buffer`, `global`, and the rest of `process`.

import './index.js';
import { defineProperty } from '../primordials.js';
import { extend } from './process.js';
import { need } from './registry.js';

export function install(target, process) {
  extend(process);
  defineProperty(target, 'global', { __proto__: null, value: target, writable: true, enumerable: false, configurable: true });
  defineProperty(target, 'Buffer', {
    __proto__: null,
    get() {
      const value = need('buffer').Buffer;
      set(value);
      return value;
    },
    set,
    enumerable: false,
    configurable: true,
  });
  function set(value) {
    defineProperty(target, 'Buffer', { __proto__: null, value, writable: true, enumerable: false, configurable: true });
  }
}
