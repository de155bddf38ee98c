// Modules of a few lines each.

import { inspect } from '../inspect.js';
import { evaluate, now } from '../primordials.js';
import { constants as fsConstants } from './fs/core.js';
import { refusal, refuses, wrongType } from './errors.js';
import { memory } from './process.js';
import { names, need, packaged, provide } from './registry.js';

const { Map, Object, Promise, Reflect, Set, Symbol, SyntaxError } = globalThis;

provide('string_decoder', () => packaged('string_decoder'));
provide('punycode', () => packaged('punycode'));
provide('constants', () => ({ ...need('os').constants.errno, ...need('os').constants.signals, ...fsConstants }));
provide('sys', () => need('util'));
provide('console', () => {
  const { console } = globalThis;
  class Console {
    constructor(stdout, stderr) {
      if (stdout?.stdout !== undefined) ({ stdout, stderr } = stdout);
      const to = (stream) => (...args) => void stream.write(`${need('util').format(...args)}\n`);
      Object.assign(this, { log: to(stdout), info: to(stdout), debug: to(stdout), error: to(stderr ?? stdout), warn: to(stderr ?? stdout) });
      this.dir = (value, options) => void stdout.write(`${inspect(value, options)}\n`);
    }
  }
  if (console.Console === undefined) Object.defineProperty(console, 'Console', { value: Console, writable: true, configurable: true });
  return console;
});

provide('tty', () => ({
  isatty: () => false,
  ReadStream: refuses('tty.ReadStream', 'there is no terminal'),
  WriteStream: refuses('tty.WriteStream', 'there is no terminal'),
}));

provide('perf_hooks', () => {
  const { performance } = globalThis;
  const entries = [];
  const add = (entry) => {
    entries.push(entry);
    return entry;
  };
  const timed = (name) => entries.findLast((entry) => entry.name === name)?.startTime;
  const own = {
    mark: (name, options) => add({ name, entryType: 'mark', startTime: options?.startTime ?? now(), duration: 0, detail: options?.detail ?? null }),
    measure(name, start = 0, end) {
      if (start !== null && typeof start === 'object') ({ start = 0, end } = start);
      const from = typeof start === 'number' ? start : timed(start);
      const to = end === undefined ? now() : typeof end === 'number' ? end : timed(end);
      if (from === undefined) throw new SyntaxError(`The "${start}" performance mark has not been set`);
      return add({ name, entryType: 'measure', startTime: from, duration: to - from, detail: null });
    },
    getEntries: () => entries.slice(),
    getEntriesByName: (name) => entries.filter((entry) => entry.name === name),
    getEntriesByType: (type) => entries.filter((entry) => entry.entryType === type),
    clearMarks: (name) => drop('mark', name),
    clearMeasures: (name) => drop('measure', name),
    timerify: (call) => call,
    eventLoopUtilization: () => ({ idle: 0, active: now(), utilization: 1 }),
  };
  function drop(type, name) {
    for (let i = entries.length - 1; i >= 0; i--) {
      if (entries[i].entryType === type && (name === undefined || entries[i].name === name)) entries.splice(i, 1);
    }
  }
  for (const name of Object.keys(own)) if (performance[name] === undefined) performance[name] = own[name];
  class PerformanceObserver {
    observe() {}
    disconnect() {}
  }
  return {
    performance,
    PerformanceObserver,
    constants: {},
    monitorEventLoopDelay: refuses('perf_hooks.monitorEventLoopDelay', 'nothing measures it'),
  };
});

provide('async_hooks', () => {
  /** Follows what runs in `run` itself; what it awaits is followed as long as nothing else runs meanwhile. */
  class AsyncLocalStorage {
    #store;
    #pending = 0;
    run(store, callback, ...args) {
      if (this.#pending > 0) {
        throw refusal('AsyncLocalStorage.run', 'an earlier `run` of it still waits, and what both read could not be told apart');
      }
      const before = this.#store;
      this.#store = store;
      let answer;
      try {
        answer = callback(...args);
      } catch (error) {
        this.#store = before;
        throw error;
      }
      if (answer instanceof Promise) {
        this.#pending++;
        return answer.finally(() => {
          this.#pending--;
          this.#store = before;
        });
      }
      this.#store = before;
      return answer;
    }
    exit(callback, ...args) {
      return this.run(undefined, callback, ...args);
    }
    getStore() {
      return this.#store;
    }
    enterWith(store) {
      this.#store = store;
    }
    disable() {
      this.#store = undefined;
    }
    static bind(call) {
      return call;
    }
    static snapshot() {
      return (call, ...args) => call(...args);
    }
  }
  class AsyncResource {
    constructor(type) {
      if (typeof type !== 'string') throw wrongType('type', 'of type string', type);
    }
    runInAsyncScope(call, receiver, ...args) {
      return Reflect.apply(call, receiver, args);
    }
    emitDestroy() {
      return this;
    }
    asyncId() {
      return 1;
    }
    triggerAsyncId() {
      return 0;
    }
    bind(call) {
      return call.bind(undefined);
    }
    static bind(call) {
      return call;
    }
  }
  return {
    AsyncLocalStorage,
    AsyncResource,
    createHook: () => ({ enable: () => undefined, disable: () => undefined }),
    executionAsyncId: () => 1,
    triggerAsyncId: () => 0,
    executionAsyncResource: () => ({}),
  };
});

provide('diagnostics_channel', () => {
  const channels = new Map();
  class Channel {
    #listeners = new Set();
    constructor(name) {
      this.name = name;
    }
    get hasSubscribers() {
      return this.#listeners.size > 0;
    }
    subscribe(listener) {
      this.#listeners.add(listener);
    }
    unsubscribe(listener) {
      return this.#listeners.delete(listener);
    }
    publish(message) {
      for (const listener of this.#listeners) listener(message, this.name);
    }
  }
  const channel = (name) => {
    if (!channels.has(name)) channels.set(name, new Channel(name));
    return channels.get(name);
  };
  return {
    Channel,
    channel,
    hasSubscribers: (name) => channel(name).hasSubscribers,
    subscribe: (name, listener) => channel(name).subscribe(listener),
    unsubscribe: (name, listener) => channel(name).unsubscribe(listener),
    tracingChannel: (of) => tracing(of, channel),
  };
});

const TRACED = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'];

/** Channels that tell how a call goes; nearly always nobody listens. */
function tracing(of, channel) {
  const own = {};
  for (const name of TRACED) own[name] = typeof of === 'string' ? channel(`tracing:${of}:${name}`) : of[name];
  const failed = (context, error) => {
    context.error = error;
    own.error.publish(context);
  };
  const ended = (context, result) => {
    context.result = result;
    own.asyncStart.publish(context);
    own.asyncEnd.publish(context);
  };
  const begun = (call, context, settle) => {
    own.start.publish(context);
    try {
      return settle(call());
    } catch (error) {
      failed(context, error);
      throw error;
    } finally {
      own.end.publish(context);
    }
  };
  return {
    ...own,
    get hasSubscribers() {
      return TRACED.some((name) => own[name].hasSubscribers);
    },
    subscribe(listeners) {
      for (const name of TRACED) if (listeners[name]) own[name].subscribe(listeners[name]);
    },
    unsubscribe(listeners) {
      return TRACED.every((name) => !listeners[name] || own[name].unsubscribe(listeners[name]));
    },
    traceSync: (call, context = {}, self, ...args) =>
      begun(() => Reflect.apply(call, self, args), context, (result) => {
        context.result = result;
        return result;
      }),
    tracePromise: (call, context = {}, self, ...args) =>
      begun(() => Reflect.apply(call, self, args), context, (promise) =>
        Promise.resolve(promise).then(
          (result) => {
            ended(context, result);
            return result;
          },
          (error) => {
            failed(context, error);
            ended(context, undefined);
            throw error;
          },
        ),
      ),
    traceCallback(call, position = -1, context = {}, self, ...args) {
      const at = position < 0 ? args.length + position : position;
      const callback = args[at];
      args[at] = function (error, result) {
        if (error) failed(context, error);
        else context.result = result;
        own.asyncStart.publish(context);
        try {
          return Reflect.apply(callback, this, arguments);
        } finally {
          own.asyncEnd.publish(context);
        }
      };
      return begun(() => Reflect.apply(call, self, args), context, (result) => result);
    },
  };
}

provide('v8', () => ({
  getHeapStatistics() {
    const { heapTotal } = memory();
    return { total_heap_size: heapTotal, used_heap_size: heapTotal, heap_size_limit: 256 << 20, total_available_size: 256 << 20, malloced_memory: 0, external_memory: 0 };
  },
  setFlagsFromString() {},
  serialize: refuses('v8.serialize', 'the engine is not V8; `JSON.stringify` and `structuredClone` are there'),
  deserialize: refuses('v8.deserialize', 'the engine is not V8; `JSON.parse` and `structuredClone` are there'),
  getHeapSnapshot: refuses('v8.getHeapSnapshot', 'the engine is not V8'),
  writeHeapSnapshot: refuses('v8.writeHeapSnapshot', 'the engine is not V8'),
}));

provide('vm', () => {
  const why = 'there is one global object: use `eval`, or `new Function`';
  class Script {
    #code;
    constructor(code) {
      this.#code = `${code}`;
    }
    runInThisContext() {
      return evaluate(this.#code);
    }
    runInContext() {
      throw refusal('vm.Script.runInContext', why);
    }
    runInNewContext() {
      throw refusal('vm.Script.runInNewContext', why);
    }
  }
  return {
    Script,
    runInThisContext: (code) => evaluate(`${code}`),
    runInNewContext: refuses('vm.runInNewContext', why),
    runInContext: refuses('vm.runInContext', why),
    createContext: refuses('vm.createContext', why),
    compileFunction: (code, parameters = []) => evaluate(`(function (${parameters.join(',')}) {\n${code}\n})`),
    isContext: () => false,
    constants: {},
  };
});

provide('worker_threads', () => ({
  isMainThread: true,
  isInternalThread: false,
  parentPort: null,
  workerData: null,
  threadId: 0,
  resourceLimits: {},
  SHARE_ENV: Symbol.for('nodejs.worker_threads.SHARE_ENV'),
  Worker: refuses('worker_threads.Worker', 'there is one thread; promises overlap calls of tools and requests'),
  MessageChannel: refuses('worker_threads.MessageChannel', 'there is one thread'),
  BroadcastChannel: refuses('worker_threads.BroadcastChannel', 'there is one thread'),
  markAsUntransferable() {},
  receiveMessageOnPort: () => undefined,
}));

provide('module', () => {
  const plain = (name) => (`${name}`.startsWith('node:') ? name.slice(5) : name);
  class Module {}
  return Object.assign(Module, {
    Module,
    builtinModules: names.slice(),
    isBuiltin: (name) => names.includes(plain(name)),
    register() {},
    enableCompileCache() {},
    findPackageJSON: () => undefined,
    syncBuiltinESMExports() {},
  });
});
