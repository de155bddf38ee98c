// `http.OutgoingMessage`: headers, and a body that is gathered.

import { plainError, typeError, wrongType } from '../errors.js';
import { need } from '../registry.js';

const { Array, Map, Object } = globalThis;

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const NO_VALUE = /[^\t\x20-\x7e\x80-\xff]/;

export function isToken(text) {
  return typeof text === 'string' && TOKEN.test(text);
}

export function validateHeaderName(name, label = 'Header name') {
  if (!isToken(name)) throw typeError('ERR_INVALID_HTTP_TOKEN', `${label} must be a valid HTTP token ["${name}"]`);
}

export function validateHeaderValue(name, value) {
  if (value === undefined) throw typeError('ERR_HTTP_INVALID_HEADER_VALUE', `Invalid value "${value}" for header "${name}"`);
  if (NO_VALUE.test(`${value}`)) throw typeError('ERR_INVALID_CHAR', `Invalid character in header content ["${name}"]`);
}

/** Name and value of each header of an object, of a list, of pairs or of `Headers`. */
export function pairsOf(headers) {
  if (Array.isArray(headers)) {
    if (headers.length > 0 && Array.isArray(headers[0])) return headers;
    if (headers.length % 2 !== 0) throw typeError('ERR_INVALID_ARG_VALUE', `The argument 'headers' is invalid. Received ${headers}`);
    return headers.flatMap((name, i) => (i % 2 === 0 ? [[name, headers[i + 1]]] : []));
  }
  if (typeof headers.entries === 'function' && typeof headers.get === 'function') return [...headers.entries()];
  return Object.keys(headers).map((name) => [name, headers[name]]);
}

export function outgoingMessage() {
  const { Writable } = need('stream');

  return class OutgoingMessage extends Writable {
    #headers = new Map();

    constructor(options) {
      super({ decodeStrings: false, autoDestroy: false, ...options });
      Object.assign(this, { shouldKeepAlive: true, useChunkedEncodingByDefault: true, sendDate: false, strictContentLength: false, socket: null, _header: null });
    }

    get headersSent() {
      return this._header !== null;
    }
    get finished() {
      return this.writableEnded;
    }
    get connection() {
      return this.socket;
    }
    set connection(value) {
      this.socket = value;
    }

    #open(act) {
      if (this._header !== null) throw plainError('ERR_HTTP_HEADERS_SENT', `Cannot ${act} headers after they are sent to the client`);
    }

    setHeader(name, value) {
      this.#open('set');
      validateHeaderName(name);
      for (const one of Array.isArray(value) ? value : [value]) validateHeaderValue(name, one);
      this.#headers.set(name.toLowerCase(), [name, value]);
      return this;
    }
    setHeaders(headers) {
      this.#open('set');
      if (!headers || Array.isArray(headers) || typeof headers.keys !== 'function' || typeof headers.get !== 'function') {
        throw wrongType('headers', 'an instance of Headers or Map', headers);
      }
      for (const [name, value] of headers) this.setHeader(name, value);
      return this;
    }
    appendHeader(name, value) {
      const before = this.getHeader(name);
      return this.setHeader(name, before === undefined ? value : [before, value].flat());
    }
    getHeader(name) {
      if (typeof name !== 'string') throw wrongType('name', 'of type string', name);
      return this.#headers.get(name.toLowerCase())?.[1];
    }
    hasHeader(name) {
      if (typeof name !== 'string') throw wrongType('name', 'of type string', name);
      return this.#headers.has(name.toLowerCase());
    }
    removeHeader(name) {
      if (typeof name !== 'string') throw wrongType('name', 'of type string', name);
      this.#open('remove');
      this.#headers.delete(name.toLowerCase());
    }
    getHeaderNames() {
      return [...this.#headers.keys()];
    }
    getRawHeaderNames() {
      return [...this.#headers.values()].map(([name]) => name);
    }
    getHeaders() {
      return Object.assign(Object.create(null), Object.fromEntries([...this.#headers].map(([name, [, value]]) => [name, value])));
    }

    flushHeaders() {
      this._implicitHeader();
    }
    _implicitHeader() {}
    addTrailers() {}
    pipe() {
      this.emit('error', plainError('ERR_STREAM_CANNOT_PIPE', 'Cannot pipe, not readable'));
    }
  };
}
