// What scripts expect of a JavaScript runtime and the engine lacks, or has in a form that
// does not work here.

import { fail } from './run.js';
import { later } from './timers.js';
import { TheTypeError, apply, define, defineProperty } from './primordials.js';

const queueMicrotask = globalThis.queueMicrotask;
const NoHost = 'fetch: no host is allowed, the sandbox has no network; look for a tool with tools.search("..")';

export function install(target) {
  // A worker's; there is no page here, and no request to answer.
  for (const name of ['location', 'WorkerLocation', 'addEventListener', 'removeEventListener', 'dispatchEvent']) {
    delete target[name];
  }
  // The engine's own crashes when it is called: it is made without HTTP.
  define(target, 'fetch', async function fetch() {
    throw new TheTypeError(NoHost);
  });
  microtasks(target);
  signals(target.AbortSignal, target.AbortController, target.DOMException);
  urls(target.URL);
  streams(target);
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
  define(AbortSignal, 'timeout', function timeout(milliseconds) {
    const controller = new AbortController();
    later(() => {
      apply(abort, controller, [new DOMException('The operation was aborted due to timeout', 'TimeoutError')]);
    }, milliseconds);
    return controller.signal;
  });
}

function urls(URL) {
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

function streams(target) {
  const { ReadableStream, TransformStream, TextDecoder, TextEncoder } = target;
  const { getReader } = ReadableStream.prototype;
  async function* values({ preventCancel = false } = {}) {
    const reader = apply(getReader, this, []);
    let done = false;
    try {
      for (;;) {
        const part = await reader.read();
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
