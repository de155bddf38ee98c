// `events`: the package of that name, and what Node has added to it since.


import { needFunction, plainError, wrongType } from './errors.js';
import { packaged, provide } from './registry.js';

const { Object, Promise, Symbol, EventTarget } = globalThis;

const errorMonitor = Symbol('events.errorMonitor');
const captureRejectionSymbol = Symbol.for('nodejs.rejection');

function aborted(signal) {
  const error = plainError('ABORT_ERR', 'The operation was aborted');
  Object.defineProperty(error, 'name', { value: 'AbortError', configurable: true, writable: true });
  if (signal.reason !== undefined) Object.defineProperty(error, 'cause', { value: signal.reason, configurable: true, writable: true });
  return error;
}
export { aborted };

/** The next emission of an event, as an array of its arguments. */
function once(emitter, name, { signal } = {}) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) throw aborted(signal);
    const isTarget = typeof emitter.on !== 'function' && emitter instanceof EventTarget;
    if (isTarget) {
      emitter.addEventListener(name, (event) => resolve([event]), { once: true });
      return;
    }
    const off = () => {
      emitter.removeListener(name, come);
      if (name !== 'error') emitter.removeListener('error', failed);
      signal?.removeEventListener('abort', stop);
    };
    const come = (...args) => {
      off();
      resolve(args);
    };
    const failed = (error) => {
      off();
      reject(error);
    };
    const stop = () => failed(aborted(signal));
    emitter.once(name, come);
    if (name !== 'error') emitter.once('error', failed);
    signal?.addEventListener('abort', stop, { once: true });
  });
}

/** All emissions of an event, one after the other. */
function on(emitter, name, { signal, close = [] } = {}) {
  if (signal?.aborted) throw aborted(signal);
  const events = [];
  const waiting = [];
  let failure;
  let done = false;
  const come = (...args) => {
    if (waiting.length > 0) waiting.shift().resolve({ value: args, done: false });
    else events.push(args);
  };
  const failed = (error) => {
    if (waiting.length > 0) waiting.shift().reject(error);
    else failure = { error };
    end();
  };
  const stop = () => failed(aborted(signal));
  const end = () => {
    if (done) return;
    done = true;
    emitter.removeListener(name, come);
    emitter.removeListener('error', failed);
    for (const one of close) emitter.removeListener(one, end);
    signal?.removeEventListener('abort', stop);
    for (const one of waiting.splice(0)) one.resolve({ value: undefined, done: true });
  };
  emitter.on(name, come);
  if (name !== 'error') emitter.on('error', failed);
  for (const one of close) emitter.on(one, end);
  signal?.addEventListener('abort', stop, { once: true });
  return {
    next() {
      if (events.length > 0) return Promise.resolve({ value: events.shift(), done: false });
      if (failure !== undefined) {
        const { error } = failure;
        failure = undefined;
        return Promise.reject(error);
      }
      if (done) return Promise.resolve({ value: undefined, done: true });
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
    },
    return() {
      end();
      return Promise.resolve({ value: undefined, done: true });
    },
    throw(error) {
      failed(error);
      return Promise.resolve({ value: undefined, done: true });
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

provide('events', () => {
  const EventEmitter = packaged('events');
  const { prototype } = EventEmitter;
  const { emit } = prototype;
  const own = {
    emit(name, ...args) {
      if (name === 'error' && this._events?.[errorMonitor] !== undefined) emit.call(this, errorMonitor, ...args);
      if (name === 'error' && this._events?.error === undefined && !(args[0] instanceof Error)) {
        throw unhandled(args[0]);
      }
      return emit.call(this, name, ...args);
    },
    listenerCount(name, listener) {
      const all = this.rawListeners(name);
      return listener === undefined ? all.length : all.filter((one) => one === listener || one.listener === listener).length;
    },
  };
  for (const name of ['on', 'addListener', 'once', 'prependListener', 'prependOnceListener', 'off', 'removeListener']) {
    const act = prototype[name];
    const checking = {
      [name](event, listener) {
        needFunction(listener, 'listener');
        return act.call(this, event, listener);
      },
    };
    own[name] = checking[name];
  }
  for (const name of Object.keys(own)) Object.defineProperty(prototype, name, { value: own[name], writable: true, enumerable: false, configurable: true });
  for (const name of Object.keys(prototype)) Object.defineProperty(prototype, name, { enumerable: false });
  Object.assign(EventEmitter, {
    EventEmitter,
    once,
    on,
    errorMonitor,
    captureRejectionSymbol,
    captureRejections: false,
    usingDomains: false,
    listenerCount: (emitter, name) => emitter.listenerCount(name),
    getEventListeners: (emitter, name) => (typeof emitter.listeners === 'function' ? emitter.listeners(name) : []),
    getMaxListeners: (emitter) => emitter.getMaxListeners?.() ?? EventEmitter.defaultMaxListeners,
    setMaxListeners(count = EventEmitter.defaultMaxListeners, ...emitters) {
      if (emitters.length === 0) EventEmitter.defaultMaxListeners = count;
      for (const emitter of emitters) emitter.setMaxListeners?.(count);
    },
    addAbortListener(signal, listener) {
      if (typeof listener !== 'function') throw wrongType('listener', 'of type function', listener);
      if (signal.aborted) queueMicrotask(() => listener());
      else signal.addEventListener('abort', listener, { once: true });
      return { [Symbol.dispose]: () => signal.removeEventListener('abort', listener) };
    },
  });
  class EventEmitterAsyncResource extends EventEmitter {}
  EventEmitter.EventEmitterAsyncResource = EventEmitterAsyncResource;
  return EventEmitter;
});

function unhandled(value) {
  const shown = typeof value === 'string' ? `'${value}'` : String(value);
  const error = plainError('ERR_UNHANDLED_ERROR', `Unhandled error. (${shown})`);
  error.context = value;
  return error;
}
