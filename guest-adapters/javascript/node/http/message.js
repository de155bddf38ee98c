// `http.IncomingMessage`: an answer, whose body has come whole and is handed out in parts.

import { asBuffer } from '../buffer.js';
import { need } from '../registry.js';

const { Object, Set, queueMicrotask } = globalThis;

/** Bytes of a part, as a socket of Node would read them. */
const PART = 64 << 10;

/** Headers of which Node keeps the first. */
const ONCE = new Set(
  'age authorization content-length content-type etag expires from host if-modified-since if-unmodified-since last-modified location max-forwards proxy-authorization referer retry-after server user-agent'.split(' '),
);

function joined(raw) {
  const found = {};
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i].toLowerCase();
    const value = raw[i + 1];
    if (name === 'set-cookie') (found[name] ??= []).push(value);
    else if (!Object.hasOwn(found, name)) Object.defineProperty(found, name, { value, writable: true, enumerable: true, configurable: true });
    else if (!ONCE.has(name)) found[name] += `${name === 'cookie' ? '; ' : ', '}${value}`;
  }
  return found;
}

function distinct(raw) {
  const found = Object.create(null);
  for (let i = 0; i + 1 < raw.length; i += 2) (found[raw[i].toLowerCase()] ??= []).push(raw[i + 1]);
  return found;
}

export function incomingMessage() {
  const { Readable } = need('stream');

  return class IncomingMessage extends Readable {
    #headers;
    #distinct;
    #body;
    #at = 0;

    constructor(socket) {
      super({ highWaterMark: PART });
      Object.assign(this, {
        httpVersionMajor: null, httpVersionMinor: null, httpVersion: null, complete: false, rawHeaders: [], rawTrailers: [], trailers: {},
        joinDuplicateHeaders: false, aborted: false, upgrade: null, url: '', method: null, statusCode: null, statusMessage: null, client: socket, socket,
      });
    }

    /** Takes what the host answered; `body` are bytes. */
    _takes({ status, reason, headers }, body) {
      Object.assign(this, { httpVersionMajor: 1, httpVersionMinor: 1, httpVersion: '1.1', statusCode: status, statusMessage: reason, upgrade: false });
      for (const [name, value] of headers) this.rawHeaders.push(name, value);
      this.#body = body;
    }

    get headers() {
      return (this.#headers ??= joined(this.rawHeaders));
    }
    set headers(value) {
      this.#headers = value;
    }
    get headersDistinct() {
      return (this.#distinct ??= distinct(this.rawHeaders));
    }
    set headersDistinct(value) {
      this.#distinct = value;
    }
    get trailersDistinct() {
      return Object.create(null);
    }
    get connection() {
      return this.socket;
    }
    set connection(value) {
      this.socket = value;
    }

    setTimeout(ms, callback) {
      if (callback !== undefined) this.on('timeout', callback);
      this.socket?.setTimeout(ms);
      return this;
    }

    _read() {
      // A script's own message, which it pushes into itself.
      if (this.#body === undefined) return;
      const from = this.#at;
      this.#at = from + PART;
      const part = this.#body.subarray(from, this.#at);
      const isLast = this.#at >= this.#body.length;
      if (isLast) {
        this.complete = true;
        this.#body = undefined;
      }
      if (part.length > 0) this.push(asBuffer(part));
      if (isLast) this.push(null);
    }

    _dump() {
      this.resume();
    }

    _destroy(error, done) {
      if (!this.readableEnded || !this.complete) {
        this.aborted = true;
        this.emit('aborted');
        this.socket?.destroy?.(error);
      }
      // As in Node: nobody hears of it who does not listen.
      queueMicrotask(() => done(this.listenerCount('error') === 0 ? undefined : error));
    }
  };
}
