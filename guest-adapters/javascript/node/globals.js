// The globals of Node beside those of the adapter: `Buffer`, `global`, and the rest of `process`.

import './index.js';
import { TheTypeError, define } from '../primordials.js';
import { extend } from './process.js';
import { installDispatcher } from './http/dispatcher.js';
import { need, packaged } from './registry.js';

/**
 * What is evaluated when the guest is built, since it takes some milliseconds and many scripts use it. It lies in memory
 * that a run does not touch before.
 */
const READY = {
  packages: ['string_decoder', 'url', 'parseargs', 'hashes/sha2', 'hashes/legacy', 'hashes/hmac'],
  modules: ['path', 'buffer', 'events', 'stream'],
};

/** There is one thread, so nothing is one; packages ask of values whether they are. */
class MessagePort extends EventTarget {
  constructor() {
    super();
    throw new TheTypeError('Illegal constructor');
  }
}

export function install(target, process) {
  extend(process);
  define(target, 'global', target);
  installDispatcher(target);
  define(target, 'MessagePort', MessagePort);
  for (const name of READY.packages) packaged(name);
  for (const name of READY.modules) need(name);
  define(target, 'Buffer', need('buffer').Buffer);
}
