// `process` beside what the adapter has of it: events, streams, the user, times.

import { cwd, go } from '../place.js';
import { listeners, process } from '../process.js';
import { STDERR, print } from '../seam.js';
import { now, setPrototypeOf } from '../primordials.js';
import { core } from '../taken.js';
import { asBuffer } from './buffer.js';
import { needFunction, plainError, refuses, withProperties, wrongType } from './errors.js';
import { becomesEmitter, lateStream } from './late_stream.js';
import { isMade, need, provide } from './registry.js';
import { failure, pathText, absolute, at, stdinPart } from './fs/core.js';
import * as wasi from '../wasi.js';

const { Error, Math, Number, Object, Set } = globalThis;

export const VERSION = 'v24.11.0';

const VERSIONS = {
  node: VERSION.slice(1), acorn: '8.15.0', ada: '2.9.2', brotli: '1.1.0', modules: '137', napi: '10', openssl: '3.5.4', unicode: '16.0', uv: '1.51.0',
  v8: '13.6.233.10-node.28', zlib: '1.3.1',
};

/** Bytes of memory that the script has, or had. */
export function memory() {
  const size = core.size === undefined ? 64 << 20 : core.size();
  return { rss: size, heapTotal: size, heapUsed: size, external: 0, arrayBuffers: 0 };
}

let hasListeners = () => false;
/** What the run's own code listens to. */
const count = (name) => (hasListeners() ? process.listenerCount(name) : 0);

/** A run begins: what an earlier run of the session listens to is not its own. */
function begin() {
  if (hasListeners()) process.removeAllListeners();
  hasEnded = hasExited = false;
}
let hasEnded = false;
let hasExited = false;

/** Tells that the script is about to exit; answers whether its listeners may have begun something. */
function exit(isEmpty, code) {
  if (isEmpty && !hasEnded && count('beforeExit') > 0) {
    hasEnded = true;
    process.emit('beforeExit', code);
    return true;
  }
  if (!hasExited && count('exit') > 0) {
    hasExited = true;
    process.exitCode ??= code;
    process.emit('exit', process.exitCode);
  }
  return false;
}

/** Whether a listener deals with an error that nothing caught. */
function survives(error, promise) {
  if (promise !== undefined && count('unhandledRejection') > 0) {
    process.emit('unhandledRejection', error, promise);
    return true;
  }
  const origin = promise === undefined ? 'uncaughtException' : 'unhandledRejection';
  if (count('uncaughtExceptionMonitor') > 0) process.emit('uncaughtExceptionMonitor', error, origin);
  if (count('uncaughtException') === 0) return false;
  process.emit('uncaughtException', error, origin);
  return true;
}

/** Whether it is an emitter of events. */
function isSource(value) {
  if (typeof value !== 'object' || value === null) return false;
  return value === process || (isMade('events') && value instanceof need('events'));
}

const warned = new Set();

function emitWarning(warning, typeOrOptions, code) {
  let type = typeOrOptions;
  let detail;
  if (typeof typeOrOptions === 'object' && typeOrOptions !== null) ({ type, code, detail } = typeOrOptions);
  let error = warning;
  if (typeof warning === 'string') {
    error = new Error(warning);
    error.name = typeof type === 'string' ? type : 'Warning';
    if (code !== undefined) error.code = code;
    if (detail !== undefined) error.detail = detail;
  } else if (!(warning instanceof Error)) {
    throw wrongType('warning', 'of type string or an instance of Error', warning);
  }
  if (error.name === 'DeprecationWarning' && code !== undefined) {
    if (warned.has(code)) return;
    warned.add(code);
  }
  process.nextTick(() => {
    const mark = error.code === undefined ? '' : `[${error.code}] `;
    print(STDERR, `(wxmcp) ${mark}${error.name}: ${error.message}\n${error.detail === undefined ? '' : `${error.detail}\n`}`);
    if (hasListeners()) process.emit('warning', error);
  });
}

function chdir(directory) {
  if (typeof directory !== 'string') throw wrongType('directory', 'of type string', directory);
  const here = cwd();
  const wrong = (code) => {
    const error = failure(code, 'chdir', here, directory);
    return error;
  };
  let found;
  try {
    found = at(pathText(directory), 'chdir', wasi.stat);
  } catch (error) {
    throw error?.code === undefined ? error : wrong(error.code);
  }
  if (found.type !== 'directory') throw wrong('ENOTDIR');
  go(need('path').resolve(absolute(directory)));
}

let mask = 0o22;

function umask(value) {
  const before = mask;
  if (value !== undefined) {
    mask = (typeof value === 'string' ? Number.parseInt(value, 8) : value) & 0o777;
    wasi.setMask(mask);
  }
  return before;
}

function kill(pid, signal = 'SIGTERM') {
  if (typeof pid !== 'number') throw wrongType('pid', 'of type number', pid);
  if (pid === process.pid) {
    if (signal === 0) return true;
    const number = typeof signal === 'number' ? signal : need('os').constants.signals[signal];
    if (number === undefined) throw plainError('ERR_UNKNOWN_SIGNAL', `Unknown signal: ${signal}`);
    if (typeof signal === 'string' && count(signal) > 0) process.emit(signal, signal, number);
    else process.exit(128 + number);
    return true;
  }
  throw withProperties(new Error('kill ESRCH'), { errno: -3, code: 'ESRCH', syscall: 'kill' });
}

function hrtimeNow() {
  return Math.floor(now() * 1000);
}

const members = {
  title: 'node',
  version: VERSION,
  versions: VERSIONS,
  release: { name: 'node', lts: 'Krypton' },
  pid: 1,
  ppid: 0,
  execPath: '/usr/local/bin/node',
  execArgv: [],
  argv0: 'node',
  features: { inspector: false, debug: false, uv: true, ipv6: true, tls: true, typescript: 'strip' },
  config: { target_defaults: {}, variables: {} },
  allowedNodeEnvironmentFlags: new Set(),
  chdir,
  umask,
  kill,
  emitWarning,
  abort() {
    process.exit(134);
  },
  reallyExit(code) {
    process.exit(code);
  },
  memoryUsage: Object.assign(memory, { rss: () => memory().rss }),
  constrainedMemory: () => 0,
  availableMemory: () => 256 << 20,
  cpuUsage(since) {
    const user = hrtimeNow();
    return since === undefined ? { user, system: 0 } : { user: user - since.user, system: 0 };
  },
  resourceUsage: () => ({ userCPUTime: hrtimeNow(), systemCPUTime: 0, maxRSS: memory().rss >> 10 }),
  getActiveResourcesInfo: () => [],
  getuid: () => 1000,
  geteuid: () => 1000,
  getgid: () => 1000,
  getegid: () => 1000,
  getgroups: () => [1000],
  hasUncaughtExceptionCaptureCallback: () => false,
  setUncaughtExceptionCaptureCallback(callback) {
    if (callback === null) return;
    needFunction(callback, 'fn');
    process.on('uncaughtException', callback);
  },
  setSourceMapsEnabled() {},
  getBuiltinModule: (name) => need(`${name}`.startsWith('node:') ? name.slice(5) : name),
  loadEnvFile(path = '.env') {
    const found = need('util').parseEnv(need('fs').readFileSync(path, 'utf8'));
    for (const name of Object.keys(found)) process.env[name] ??= found[name];
  },
  binding: refuses('process.binding', 'it has none of what Node is made of'),
  dlopen: refuses('process.dlopen', 'native code cannot be loaded'),
};

/** `process.stdin`: a stream that waits in place for what comes. */
function standardInput() {
  const { Readable } = need('stream');
  const stdin = new Readable({
    highWaterMark: 65536,
    read(size) {
      const bytes = stdinPart(size);
      this.push(bytes.length === 0 ? null : asBuffer(bytes.slice()));
    },
  });
  stdin.fd = 0;
  stdin.ref = stdin.unref = () => stdin;
  return stdin;
}

/** `process.stdout` as a stream, when it is used as one. */
function standardOutput(stream) {
  const { write } = stream;
  const { prototype } = lateStream('Writable', () => ({
    decodeStrings: false,
    autoDestroy: false,
    emitClose: false,
    write(chunk, encoding, done) {
      write.call(stream, chunk, encoding);
      done();
    },
  }));
  delete stream.writable;
  setPrototypeOf(stream, prototype);
  Object.assign(stream, {
    hasColors: () => false,
    getColorDepth: () => 1,
    cursorTo: escapes,
    moveCursor: escapes,
    clearLine: escapes,
    clearScreenDown: escapes,
  });
  for (const name of ['hasColors', 'getColorDepth', 'cursorTo', 'moveCursor', 'clearLine', 'clearScreenDown']) {
    Object.defineProperty(stream, name, { enumerable: false });
  }
}

/** What is for terminals only: it does nothing here, as there is none. */
function escapes(...args) {
  const callback = args.at(-1);
  if (typeof callback === 'function') process.nextTick(callback);
  return true;
}

export function extend(target) {
  for (const name of Object.keys(members)) target[name] = members[name];
  hasListeners = becomesEmitter(target);
  Object.defineProperty(target, 'stdin', {
    get() {
      const value = standardInput();
      Object.defineProperty(target, 'stdin', { value, writable: true, enumerable: true, configurable: true });
      return value;
    },
    enumerable: true,
    configurable: true,
  });
  standardOutput(target.stdout);
  standardOutput(target.stderr);
  Object.assign(listeners, { begin, exit, survives, isSource });
}

provide('process', () => process);

