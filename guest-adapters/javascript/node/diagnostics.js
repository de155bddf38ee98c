// `node:diagnostics_channel`: what libraries tell of themselves, to who subscribes.

import { wrongType } from './errors.js';
import { provide } from './registry.js';

const { Map, Promise, Reflect, Set, queueMicrotask } = globalThis;

const EVENTS = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'];

class Channel {
  #listeners = new Set();
  #stores = new Map();

  constructor(name) {
    this.name = name;
  }

  get hasSubscribers() {
    return this.#listeners.size > 0 || this.#stores.size > 0;
  }

  subscribe(listener) {
    if (typeof listener !== 'function') throw wrongType('subscription', 'of type function', listener);
    this.#listeners.add(listener);
  }

  unsubscribe(listener) {
    return this.#listeners.delete(listener);
  }

  bindStore(store, transform) {
    this.#stores.set(store, transform);
  }

  unbindStore(store) {
    return this.#stores.delete(store);
  }

  publish(message) {
    for (const listener of [...this.#listeners]) {
      try {
        listener(message, this.name);
      } catch (error) {
        // Who publishes is not to blame.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  runStores(message, call, self, ...args) {
    let run = () => {
      this.publish(message);
      return Reflect.apply(call, self, args);
    };
    for (const [store, transform] of this.#stores) {
      const inner = run;
      run = () => store.run(transform === undefined ? message : transform(message), inner);
    }
    return run();
  }
}

class TracingChannel {
  constructor(of) {
    for (const event of EVENTS) this[event] = typeof of === 'object' ? of[event] : channel(`tracing:${of}:${event}`);
  }

  get hasSubscribers() {
    return EVENTS.some((event) => this[event]?.hasSubscribers);
  }

  subscribe(listeners) {
    for (const event of EVENTS) if (listeners[event]) this[event]?.subscribe(listeners[event]);
  }

  unsubscribe(listeners) {
    let done = true;
    for (const event of EVENTS) if (listeners[event] && !this[event]?.unsubscribe(listeners[event])) done = false;
    return done;
  }

  traceSync(call, context = {}, self, ...args) {
    return this.#trace(context, () => {
      context.result = Reflect.apply(call, self, args);
      return context.result;
    });
  }

  tracePromise(call, context = {}, self, ...args) {
    const ended = () => {
      this.asyncStart.publish(context);
      this.asyncEnd.publish(context);
    };
    return this.#trace(context, () =>
      Promise.resolve(Reflect.apply(call, self, args)).then(
        (result) => {
          context.result = result;
          ended();
          return result;
        },
        (error) => {
          this.#failed(context, error);
          ended();
          throw error;
        },
      ),
    );
  }

  traceCallback(call, position = -1, context = {}, self, ...args) {
    const callback = args.at(position);
    if (typeof callback !== 'function') throw wrongType('callback', 'of type function', callback);
    const tracing = this;
    args.splice(position, 1, function (error, result) {
      if (error) tracing.#failed(context, error);
      else context.result = result;
      return tracing.asyncStart.runStores(context, () => {
        try {
          return Reflect.apply(callback, this, arguments);
        } finally {
          tracing.asyncEnd.publish(context);
        }
      });
    });
    return this.#trace(context, () => Reflect.apply(call, self, args));
  }

  #trace(context, call) {
    return this.start.runStores(context, () => {
      try {
        return call();
      } catch (error) {
        this.#failed(context, error);
        throw error;
      } finally {
        this.end.publish(context);
      }
    });
  }

  #failed(context, error) {
    context.error = error;
    this.error.publish(context);
  }
}

const channels = new Map();

function channel(name) {
  if (typeof name !== 'string' && typeof name !== 'symbol') throw wrongType('channel', 'one of type string or symbol', name);
  if (!channels.has(name)) channels.set(name, new Channel(name));
  return channels.get(name);
}

provide('diagnostics_channel', () => ({
  Channel,
  channel,
  hasSubscribers: (name) => channels.get(name)?.hasSubscribers ?? false,
  subscribe: (name, listener) => channel(name).subscribe(listener),
  unsubscribe: (name, listener) => channel(name).unsubscribe(listener),
  tracingChannel: (of) => new TracingChannel(of),
}));
