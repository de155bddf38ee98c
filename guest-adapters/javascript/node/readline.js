// `readline` and `readline/promises`: lines of a stream, and questions on standard input.

import { process } from '../process.js';
import { immediate } from '../timers.js';
import { aborted } from './events.js';
import { plainError, wrongType } from './errors.js';
import { need, provide } from './registry.js';

const { Object, Promise, Symbol } = globalThis;

function made() {
  const EventEmitter = need('events');
  const { StringDecoder } = need('string_decoder');

  class Interface extends EventEmitter {
    #decoder = new StringDecoder('utf8');
    #rest = '';
    /** Lines that came while nobody was to get them. */
    #kept = [];
    #asked = [];
    #paused = false;
    #hasEnded = false;
    #off;
    constructor(input, output, completer, terminal) {
      super();
      const options = input !== null && typeof input === 'object' && input.input !== undefined ? input : { input, output, completer, terminal };
      if (options.input === undefined || typeof options.input?.on !== 'function') throw wrongType('input', 'an instance of Stream', options.input);
      Object.assign(this, { input: options.input, output: options.output, terminal: false, line: '', cursor: 0, history: [], closed: false });
      this._prompt = options.prompt ?? '> ';
      this.crlfDelay = options.crlfDelay ?? 100;
      const data = (chunk) => this.#take(typeof chunk === 'string' ? chunk : this.#decoder.write(chunk));
      const end = () => this.#finish();
      const failed = (error) => this.emit('error', error);
      this.input.on('data', data);
      this.input.on('end', end);
      if (options.input !== process.stdin) this.input.on('error', failed);
      this.#off = () => {
        this.input.removeListener('data', data);
        this.input.removeListener('end', end);
        this.input.removeListener('error', failed);
      };
      if (options.signal !== undefined) {
        if (options.signal.aborted) process.nextTick(() => this.close());
        else options.signal.addEventListener('abort', () => this.close(), { once: true });
      }
      this.input.resume();
    }
    #take(text) {
      const all = this.#rest + text;
      const lines = all.split(/\r\n|\n|\r(?!$)/);
      this.#rest = lines.pop();
      for (const line of lines) this.#give(line);
    }
    #give(line) {
      if (this.closed) return;
      if (!this.#paused && this.#asked.length > 0) this.#asked.shift()(line);
      else if (this.#paused || this.listenerCount('line') === 0) this.#kept.push(line);
      else this.emit('line', line);
    }
    /** Hands out lines that came before somebody wanted them; closes after the last. */
    #catchUp() {
      while (this.#kept.length > 0 && !this.#paused && (this.#asked.length > 0 || this.listenerCount('line') > 0)) this.#give(this.#kept.shift());
      if (this.#hasEnded && this.#kept.length === 0 && !this.#paused) immediate(() => this.#kept.length === 0 && this.close(), []);
    }
    #finish() {
      this.#hasEnded = true;
      const rest = (this.#rest + this.#decoder.end()).replace(/\r$/, '');
      this.#rest = '';
      if (rest !== '') this.#give(rest);
      if (this.#kept.length === 0) this.close();
    }
    on(name, listener) {
      super.on(name, listener);
      if (name === 'line' && this.#kept.length > 0) process.nextTick(() => this.#catchUp());
      return this;
    }
    setPrompt(prompt) {
      this._prompt = prompt;
    }
    getPrompt() {
      return this._prompt;
    }
    prompt() {
      if (this.#paused) this.resume();
      this.output?.write(this._prompt);
    }
    question(query, options, callback) {
      if (typeof options === 'function') [options, callback] = [{}, options];
      if (this.closed) throw plainError('ERR_USE_AFTER_CLOSE', 'readline was closed');
      this.output?.write(query);
      const answer = (line) => callback(line);
      this.#asked.push(answer);
      options?.signal?.addEventListener('abort', () => {
        const at = this.#asked.indexOf(answer);
        if (at >= 0) this.#asked.splice(at, 1);
      });
      if (this.#paused) this.resume();
      else if (this.#kept.length > 0) process.nextTick(() => this.#catchUp());
    }
    pause() {
      if (this.#paused) return this;
      this.#paused = true;
      this.input.pause();
      this.emit('pause');
      return this;
    }
    resume() {
      if (!this.#paused) return this;
      this.#paused = false;
      this.emit('resume');
      this.#catchUp();
      if (!this.#hasEnded && !this.#paused) this.input.resume();
      return this;
    }
    write(data) {
      if (typeof data === 'string') this.#take(data);
    }
    close() {
      if (this.closed) return;
      this.closed = true;
      this.#off();
      this.input.pause();
      this.emit('close');
    }
    getCursorPos() {
      return { rows: 0, cols: 0 };
    }
    [Symbol.asyncIterator]() {
      const events = need('events').on(this, 'line', { close: ['close'] });
      return {
        async next() {
          const { value, done } = await events.next();
          return done ? { value: undefined, done } : { value: value[0], done };
        },
        return: async () => {
          this.close();
          return await events.return();
        },
        [Symbol.asyncIterator]() {
          return this;
        },
      };
    }
  }
  if (Symbol.dispose) Interface.prototype[Symbol.dispose] = Interface.prototype.close;
  return Interface;
}

let Interface;
const interfaces = () => (Interface ??= made());

/** What moves a cursor does nothing where there is no terminal. */
function still(...args) {
  const callback = args.at(-1);
  if (typeof callback === 'function') process.nextTick(callback);
  return true;
}

provide('readline', () => {
  class Callback extends interfaces() {}
  Object.defineProperty(Callback, 'name', { value: 'Interface' });
  Object.defineProperty(Callback.prototype.question, Symbol.for('nodejs.util.promisify.custom'), {
    value(query, options) {
      return new Promise((resolve) => this.question(query, options ?? {}, resolve));
    },
    configurable: true,
  });
  return {
    Interface: Callback,
    createInterface: (...args) => new Callback(...args),
    clearLine: still,
    clearScreenDown: still,
    cursorTo: still,
    moveCursor: still,
    emitKeypressEvents() {},
    promises: need('readline/promises'),
  };
});

provide('readline/promises', () => {
  class Promised extends interfaces() {
    question(query, options = {}) {
      const ask = super.question.bind(this);
      return new Promise((resolve, reject) => {
        const { signal } = options;
        if (signal?.aborted) {
          reject(aborted(signal));
          return;
        }
        signal?.addEventListener('abort', () => reject(aborted(signal)), { once: true });
        ask(query, options, resolve);
      });
    }
  }
  Object.defineProperty(Promised, 'name', { value: 'Interface' });
  return { Interface: Promised, createInterface: (...args) => new Promised(...args) };
});
