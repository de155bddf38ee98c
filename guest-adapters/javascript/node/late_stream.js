// Objects that are streams, once somebody uses them as such: most only write to `process.stdout`
// or update a hash, and `stream` takes some milliseconds to load.

import { apply, create, defineProperty, getPrototypeOf, setPrototypeOf } from '../primordials.js';
import { need } from './registry.js';

const { Object } = globalThis;

const EMITTER = [
  'addListener', 'emit', 'eventNames', 'getMaxListeners', 'listenerCount', 'listeners', 'off', 'on', 'once', 'prependListener',
  'prependOnceListener', 'rawListeners', 'removeAllListeners', 'removeListener', 'setMaxListeners',
];
const STREAM = [
  ...EMITTER, 'cork', 'destroy', 'end', 'isPaused', 'pause', 'pipe', 'push', 'read', 'resume', 'setDefaultEncoding', 'setEncoding',
  'uncork', 'unpipe', 'unshift', 'write', 'compose', 'map', 'filter', 'forEach', 'toArray',
];

/**
 * A prototype with methods that first call `become(object)`, which makes the object what it is to
 * be, and then do what its own do.
 */
function late(names, become) {
  const prototype = create(Object.prototype);
  for (const name of names) {
    const methods = {
      [name](...args) {
        become(this);
        return apply(getPrototypeOf(prototype)[name], this, args);
      },
    };
    defineProperty(prototype, name, { __proto__: null, value: methods[name], writable: true, enumerable: false, configurable: true });
  }
  return prototype;
}

/** Gives one object the methods of an EventEmitter. */
export function becomesEmitter(object) {
  const prototype = late(EMITTER, () => {
    const EventEmitter = need('events');
    for (const name of EMITTER) delete prototype[name];
    setPrototypeOf(prototype, EventEmitter.prototype);
    apply(EventEmitter, object, []);
    hide(object, ['_events', '_eventsCount', '_maxListeners']);
  });
  setPrototypeOf(object, prototype);
  return () => getPrototypeOf(prototype) !== Object.prototype;
}

function hide(object, names) {
  for (const name of names) {
    if (Object.hasOwn(object, name)) {
      defineProperty(object, name, { __proto__: null, value: object[name], writable: true, enumerable: false, configurable: true });
    }
  }
}

/** Prototypes of late streams, to be made streams when `stream` is loaded. */
const waiting = [];

/**
 * A prototype of objects that become streams of `kind`, such as `Transform`, when they are used as
 * such; `options(object)` answers what the constructor of that class gets.
 */
export function lateStream(kind, options) {
  const begun = new WeakSet();
  let isStream = false;
  const become = () => {
    if (isStream) return;
    isStream = true;
    const stream = need('stream');
    setPrototypeOf(prototype, stream[kind].prototype);
  };
  const begin = (object) => {
    become();
    if (begun.has(object)) return;
    begun.add(object);
    need('stream')[kind].call(object, options(object));
  };
  const prototype = late(STREAM, begin);
  waiting.push(become);
  return { prototype, begin: (object) => isStream && begin(object) };
}

/** `stream` was loaded. */
export function streamIsHere() {
  for (const become of waiting.splice(0)) become();
}
