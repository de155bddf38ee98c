// The globals of Node beside those of the adapter: `Buffer`, `global`, and the rest of `process`.

import './index.js';
import { define } from '../primordials.js';
import { extend } from './process.js';
import { need, packaged } from './registry.js';

/**
 * What is evaluated when the guest is built, since it takes some milliseconds and many scripts use it. It lies in memory
 * that a run does not touch before.
 */
const READY = {
  packages: ['string_decoder', 'url', 'parseargs', 'hashes/sha2', 'hashes/legacy', 'hashes/hmac'],
  modules: ['path', 'buffer', 'events', 'stream'],
};

export function install(target, process) {
  extend(process);
  define(target, 'global', target);
  for (const name of READY.packages) packaged(name);
  for (const name of READY.modules) need(name);
  define(target, 'Buffer', need('buffer').Buffer);
}
