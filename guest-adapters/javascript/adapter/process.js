// `process`, as far as a script can use one.

import { TheProxy, TheTypeError, apply, bytesOf, create, define, defineProperty, isInteger, now, push, startsWith, stringify } from './primordials.js';
import { chdir } from './files.js';
import { cwd } from './place.js';
import { EXIT, STDERR, STDOUT, print, tell } from './seam.js';

const { BigInt, Math } = globalThis;
export const process = create(Object.prototype);
let wanted;

/** The code that `process.exitCode` asks for, 0 to 255. */
export function exitCode() {
  return coded(wanted);
}

function coded(code) {
  if (typeof code === 'string' && code !== '') code = +code;
  return isInteger(code) ? code & 255 : 0;
}

/**
 * What `node/process.js` does when a run begins, when the script exits, and with an error that nothing caught; and whether
 * something emits events: `rl.on('line', ..)` at the end of a script is no value.
 */
export const listeners = { __proto__: null, begin: undefined, exit: undefined, survives: undefined, isSource: undefined };

/** What a script puts into `env` becomes a text. */
const AS_TEXT = {
  __proto__: null,
  set(target, name, value) {
    target[name] = `${value}`;
    return true;
  },
};

/** What `env` was filled from last: JSON. */
let given;

/** Fills `argv` and `env` for one run. In a session `env` stays as it is, unless the host has another one. */
export function prepare({ name, path, args, env, session }) {
  // The path that `import.meta.url` has; text that came from no file has none.
  const argv = ['wxmcp', path ?? (startsWith(name, '/') || startsWith(name, '<') ? name : `/${name}`)];
  if (args !== undefined) for (let i = 0; i < args.length; i++) push(argv, args[i]);
  process.argv = argv;
  const text = session === true ? stringify(env ?? {}) : undefined;
  if (text === undefined || text !== given) process.env = new TheProxy(env ?? {}, AS_TEXT);
  given = text;
  wanted = undefined;
  listeners.begin?.();
}

function stream(kind, number) {
  const decoder = new TextDecoder();
  const decode = decoder.decode.bind(decoder);
  return {
    fd: number,
    isTTY: false,
    writable: true,
    write(chunk, encoding, done) {
      if (typeof chunk === 'string') {
        print(kind, chunk);
      } else {
        const bytes = bytesOf(chunk);
        if (bytes === undefined) throw new TheTypeError('write() takes a string or bytes');
        print(kind, decode(bytes));
      }
      const callback = typeof encoding === 'function' ? encoding : done;
      if (typeof callback === 'function') queue(callback);
      return true;
    },
  };
}

let queue;
let left;

/** `exits` ends the run, and answers what is thrown. */
export function install(target, exits) {
  left = exits;
  queue = target.queueMicrotask;
  Object.assign(process, {
    argv: [],
    env: {},
    platform: 'linux',
    arch: 'x64',
    stdout: stream(STDOUT, 1),
    stderr: stream(STDERR, 2),
    exit(code) {
      if (listeners.exit !== undefined) {
        if (code !== undefined) wanted = code;
        listeners.exit(false, coded(wanted));
        code = wanted;
      }
      tell(EXIT, `{"code":${coded(code === undefined ? wanted : code)}}`);
      // The host ends the run there; in a session it leaves that to us.
      throw left();
    },
    cwd,
    chdir,
    nextTick(callback, ...args) {
      if (typeof callback !== 'function') throw new TheTypeError('the callback of nextTick must be a function');
      queue(() => apply(callback, undefined, args));
    },
    uptime() {
      return now() / 1000;
    },
    hrtime: Object.assign(
      (since) => {
        const ms = now();
        let seconds = Math.floor(ms / 1000);
        let nanoseconds = Math.floor((ms % 1000) * 1e6);
        if (since !== undefined) {
          seconds -= since[0];
          nanoseconds -= since[1];
          if (nanoseconds < 0) {
            seconds -= 1;
            nanoseconds += 1e9;
          }
        }
        return [seconds, nanoseconds];
      },
      { bigint: () => BigInt(Math.floor(now() * 1e6)) },
    ),
  });
  defineProperty(process, 'exitCode', {
    __proto__: null,
    get: () => wanted,
    set: (code) => {
      wanted = code;
    },
    enumerable: true,
    configurable: true,
  });
  Object.defineProperty(process, Symbol.toStringTag, { value: 'process', configurable: true });
  define(target, 'process', process);
}
