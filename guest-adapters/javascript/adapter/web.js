// What scripts expect of a JavaScript runtime and the engine lacks, or has in a form that
// does not work here.

import * as fetching from './fetch.js';
import { fail } from './run.js';
import { later } from './timers.js';
import {
  TheTypeError,
  apply,
  brand,
  construct,
  define,
  defineProperty,
  getOwnPropertyDescriptor,
  ownKeys,
  push,
  weakMapGet,
  weakMapSet,
} from './primordials.js';

const { Object, Set, Symbol, WeakMap, queueMicrotask } = globalThis;

export function install(target) {
  // A worker's; there is no page here, and no request to answer.
  for (const name of ['location', 'WorkerLocation', 'addEventListener', 'removeEventListener', 'dispatchEvent', 'MultipartFormData']) {
    delete target[name];
  }
  // The engine's own crash when they are used: it is made without HTTP.
  fetching.install(target);
  microtasks(target);
  signals(target.AbortSignal, target.AbortController, target.DOMException);
  urls(target.URL);
  streams(target);
  listeners(target.EventTarget);
  tags(target);
  guards(target);
}

/** The engine calls the listeners of an EventTarget with the global object as `this`. */
function listeners(EventTarget) {
  const { addEventListener, removeEventListener } = EventTarget.prototype;
  // By target, and there by listener: what is called in its place.
  const known = new WeakMap();
  const bound = (target, listener) => {
    if (typeof listener !== 'function' || typeof target !== 'object' || target === null) return listener;
    let all = weakMapGet(known, target);
    if (all === undefined) weakMapSet(known, target, (all = new WeakMap()));
    let own = weakMapGet(all, listener);
    if (own === undefined) weakMapSet(all, listener, (own = (event) => apply(listener, target, [event])));
    return own;
  };
  for (const [name, native] of [['addEventListener', addEventListener], ['removeEventListener', removeEventListener]]) {
    const methods = {
      [name](type, listener, ...options) {
        return apply(native, this, [type, bound(this, listener), ...options]);
      },
    };
    define(EventTarget.prototype, name, methods[name]);
  }
}

/** Classes that the engine does not name: packages tell objects by `Object.prototype.toString`. */
const UNNAMED = ['AbortController', 'AbortSignal', 'FormData', 'TransformStream', 'URL', 'URLSearchParams', 'WritableStream'];

function tags(target) {
  for (const name of UNNAMED) {
    const { prototype } = target[name];
    if (getOwnPropertyDescriptor(prototype, Symbol.toStringTag) !== undefined) continue;
    defineProperty(prototype, Symbol.toStringTag, { __proto__: null, value: name, writable: false, enumerable: false, configurable: true });
  }
}

/** Classes of the engine whose methods stop it when they are called on the prototype. */
const GUARDED = ['AbortController', 'AbortSignal', 'URL', 'URLSearchParams'];

function guards(target) {
  for (const name of GUARDED) {
    const { prototype } = target[name];
    for (const key of ownKeys(prototype)) {
      const property = getOwnPropertyDescriptor(prototype, key);
      if (key === 'constructor' || !property.configurable) continue;
      for (const part of ['value', 'get', 'set']) {
        if (typeof property[part] === 'function') property[part] = guarded(property[part], prototype, name);
      }
      defineProperty(prototype, key, property);
    }
  }
}

function guarded(native, prototype, name) {
  // A method has no prototype of its own, as builtins have none.
  const { method } = {
    method(...args) {
      if (this === prototype) throw new TheTypeError(`this is ${name}.prototype, not an instance of ${name}`);
      return apply(native, this, args);
    },
  };
  for (const key of ['name', 'length']) defineProperty(method, key, getOwnPropertyDescriptor(native, key));
  return method;
}

/** The engine loses what a microtask throws. */
function microtasks(target) {
  define(target, 'queueMicrotask', function queueMicrotask_(callback) {
    if (typeof callback !== 'function') throw new TheTypeError('the callback of queueMicrotask must be a function');
    queueMicrotask(() => {
      try {
        callback();
      } catch (error) {
        fail(error);
      }
    });
  });
  defineProperty(target.queueMicrotask, 'name', { __proto__: null, value: 'queueMicrotask', configurable: true });
}

function signals(AbortSignal, AbortController, DOMException) {
  const { abort } = AbortController.prototype;
  const aborting = () => new DOMException('This operation was aborted', 'AbortError');
  const aborted = AbortSignal.abort;
  // The engine's own demands a reason.
  define(AbortSignal, 'abort', function abort(reason) {
    return apply(aborted, AbortSignal, [reason === undefined ? aborting() : reason]);
  });
  const { get: isAborted } = getOwnPropertyDescriptor(AbortSignal.prototype, 'aborted');
  const { get: reasonOf } = getOwnPropertyDescriptor(AbortSignal.prototype, 'reason');
  const { addEventListener } = EventTarget.prototype;
  define(AbortController.prototype, 'abort', function abort_(reason) {
    apply(abort, this, [reason === undefined ? aborting() : reason]);
  });
  // The engine's own ends the instance where it should throw.
  define(AbortSignal.prototype, 'throwIfAborted', function throwIfAborted() {
    if (apply(isAborted, this, [])) throw apply(reasonOf, this, []);
  });
  // The engine's own takes anything for a signal, and loses the reason.
  define(AbortSignal, 'any', function any(signals) {
    const controller = new AbortController();
    const all = [];
    for (const signal of signals) {
      if (!brand((value) => apply(isAborted, value, []), signal)) {
        throw new TheTypeError('AbortSignal.any takes signals only');
      }
      push(all, signal);
    }
    for (let i = 0; i < all.length; i++) {
      const end = () => apply(abort, controller, [apply(reasonOf, all[i], [])]);
      if (apply(isAborted, all[i], [])) {
        end();
        break;
      }
      apply(addEventListener, all[i], ['abort', end]);
    }
    return controller.signal;
  });
  define(AbortSignal, 'timeout', function timeout(milliseconds) {
    const controller = new AbortController();
    later(() => {
      apply(abort, controller, [new DOMException('The operation was aborted due to timeout', 'TimeoutError')]);
    }, milliseconds);
    return controller.signal;
  });
}

function urls(URL) {
  // There is nobody who could ask for the object.
  delete URL.createObjectURL;
  delete URL.revokeObjectURL;
  define(URL, 'parse', function parse(url, base) {
    try {
      return new URL(url, base);
    } catch {
      return null;
    }
  });
  define(URL, 'canParse', function canParse(url, base) {
    return URL.parse(url, base) !== null;
  });
}

/** The engine takes its sink and its strategy for objects. */
function checkedStream(target) {
  const native = target.WritableStream;
  const isObject = (value) => value === undefined || (typeof value === 'object' && value !== null) || typeof value === 'function';
  function WritableStream(sink, strategy) {
    if (new.target === undefined) throw new TheTypeError("calling WritableStream without 'new'");
    if (!isObject(sink) || !isObject(strategy)) {
      throw new TheTypeError('the sink and the strategy of a WritableStream must be objects');
    }
    return construct(native, [sink, strategy], new.target);
  }
  defineProperty(WritableStream, 'length', { __proto__: null, value: 0 });
  defineProperty(WritableStream, 'prototype', { __proto__: null, value: native.prototype, writable: false });
  define(native.prototype, 'constructor', WritableStream);
  define(target, 'WritableStream', WritableStream);
}

/** The engine tees no streams of bytes. */
function tees(ReadableStream) {
  const { getReader, tee } = ReadableStream.prototype;
  define(ReadableStream.prototype, 'tee', function tee_() {
    try {
      return apply(tee, this, []);
    } catch (error) {
      if (!`${error?.message}`.startsWith('tee() for readable byte streams')) throw error;
    }
    const reader = apply(getReader, this, []);
    const open = new Set();
    let reading;
    const read = async () => {
      try {
        const { done, value } = await reader.read();
        let isFirst = true;
        for (const controller of open) {
          if (done) controller.close();
          else controller.enqueue(isFirst ? value : value.slice());
          isFirst = false;
        }
      } catch (error) {
        for (const controller of open) controller.error(error);
      }
      reading = undefined;
    };
    const branch = () => {
      let own;
      return new ReadableStream(
        {
          start(controller) {
            own = controller;
            open.add(controller);
          },
          pull: () => (reading ??= read()),
          async cancel(reason) {
            open.delete(own);
            if (open.size === 0) await reader.cancel(reason);
          },
        },
        { highWaterMark: 0 },
      );
    };
    return [branch(), branch()];
  });
}

function streams(target) {
  const { ReadableStream, TransformStream, TextDecoder, TextEncoder } = target;
  const { getReader } = ReadableStream.prototype;
  async function* values({ preventCancel = false } = {}) {
    const reader = apply(getReader, this, []);
    let done = false;
    try {
      for (;;) {
        let part;
        try {
          part = await reader.read();
        } catch (error) {
          done = true;
          throw error;
        }
        if (part.done) {
          done = true;
          return;
        }
        yield part.value;
      }
    } finally {
      if (!done && !preventCancel) await reader.cancel();
      reader.releaseLock();
    }
  }
  tees(ReadableStream);
  define(ReadableStream.prototype, 'values', values);
  define(ReadableStream.prototype, Symbol.asyncIterator, values);
  define(ReadableStream, 'from', function from(items) {
    const iterator = (items[Symbol.asyncIterator] ?? items[Symbol.iterator]).call(items);
    return new ReadableStream({
      async pull(controller) {
        const { value, done } = await iterator.next();
        if (done) controller.close();
        else controller.enqueue(await value);
      },
      async cancel(reason) {
        await iterator.return?.(reason);
      },
    });
  });
  checkedStream(target);
  define(
    target,
    'TextDecoderStream',
    class TextDecoderStream {
      constructor(label = 'utf-8', options = {}) {
        const decoder = new TextDecoder(label, options);
        const { readable, writable } = new TransformStream({
          transform(part, controller) {
            const text = decoder.decode(part, { stream: true });
            if (text !== '') controller.enqueue(text);
          },
          flush(controller) {
            const text = decoder.decode();
            if (text !== '') controller.enqueue(text);
          },
        });
        Object.assign(this, { readable, writable, encoding: decoder.encoding });
      }
    },
  );
  define(
    target,
    'TextEncoderStream',
    class TextEncoderStream {
      constructor() {
        const encoder = new TextEncoder();
        const { readable, writable } = new TransformStream({
          transform(part, controller) {
            controller.enqueue(encoder.encode(`${part}`));
          },
        });
        Object.assign(this, { readable, writable, encoding: 'utf-8' });
      }
    },
  );
}
