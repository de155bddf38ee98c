// `timers` and `timers/promises`.

import { aborted } from './events.js';
import { need, provide } from './registry.js';

const { Object, Promise } = globalThis;

provide('timers', () => {
  const { clearImmediate, clearInterval, clearTimeout, setImmediate, setInterval, setTimeout } = globalThis;
  const timers = { clearImmediate, clearInterval, clearTimeout, setImmediate, setInterval, setTimeout };
  Object.defineProperty(timers, 'promises', { get: () => need('timers/promises'), enumerable: true, configurable: true });
  return timers;
});

provide('timers/promises', () => {
  const { clearImmediate, clearInterval, clearTimeout, setImmediate, setInterval, setTimeout } = globalThis;
  /** A promise that `begin(resolve)` settles, unless the signal comes first: then `stop` is called with what `begin` answered. */
  const waiting = (begin, stop, { signal, ref = true } = {}) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(aborted(signal));
        return;
      }
      const end = () => {
        stop(handle);
        reject(aborted(signal));
      };
      const handle = begin(() => {
        signal?.removeEventListener('abort', end);
        resolve();
      });
      if (!ref) handle.unref?.();
      signal?.addEventListener('abort', end, { once: true });
    });
  const later = {
    setTimeout: async (delay, value, options) => {
      await waiting((done) => setTimeout(done, delay), clearTimeout, options);
      return value;
    },
    setImmediate: async (value, options) => {
      await waiting((done) => setImmediate(done), clearImmediate, options);
      return value;
    },
    async *setInterval(delay, value, options = {}) {
      const { signal } = options;
      if (signal?.aborted) throw aborted(signal);
      let due = 0;
      let wake = () => {};
      const handle = setInterval(() => {
        due++;
        wake();
      }, delay);
      const stop = () => wake();
      signal?.addEventListener('abort', stop, { once: true });
      try {
        for (;;) {
          if (due === 0) await new Promise((resolve) => (wake = resolve));
          if (signal?.aborted) throw aborted(signal);
          for (; due > 0; due--) yield value;
        }
      } finally {
        clearInterval(handle);
        signal?.removeEventListener('abort', stop);
      }
    },
  };
  later.scheduler = { wait: (delay, options) => later.setTimeout(delay, undefined, options), yield: () => later.setImmediate() };
  return later;
});
