// `http` and `https`: requests over `fetch`, to hosts that are granted. There are no servers.

import { immediate } from '../timers.js';
import { bytesFrom } from './buffer.js';
import { refuses, typeError, withProperties, wrongType } from './errors.js';
import { need, provide } from './registry.js';

const { AbortController, Array, Error, Infinity, Map, Object, String, URL, Uint8Array } = globalThis;

const METHODS = 'ACL BIND CHECKOUT CONNECT COPY DELETE GET HEAD LINK LOCK M-SEARCH MERGE MKACTIVITY MKCALENDAR MKCOL MOVE NOTIFY OPTIONS PATCH POST PROPFIND PROPPATCH PURGE PUT QUERY REBIND REPORT SEARCH SOURCE SUBSCRIBE TRACE UNBIND UNLINK UNLOCK UNSUBSCRIBE';
const STATUS_CODES = {
  100: 'Continue', 101: 'Switching Protocols', 102: 'Processing', 103: 'Early Hints', 200: 'OK', 201: 'Created', 202: 'Accepted',
  203: 'Non-Authoritative Information', 204: 'No Content', 205: 'Reset Content', 206: 'Partial Content', 207: 'Multi-Status',
  208: 'Already Reported', 226: 'IM Used', 300: 'Multiple Choices', 301: 'Moved Permanently', 302: 'Found', 303: 'See Other',
  304: 'Not Modified', 305: 'Use Proxy', 307: 'Temporary Redirect', 308: 'Permanent Redirect', 400: 'Bad Request',
  401: 'Unauthorized', 402: 'Payment Required', 403: 'Forbidden', 404: 'Not Found', 405: 'Method Not Allowed',
  406: 'Not Acceptable', 407: 'Proxy Authentication Required', 408: 'Request Timeout', 409: 'Conflict', 410: 'Gone',
  411: 'Length Required', 412: 'Precondition Failed', 413: 'Payload Too Large', 414: 'URI Too Long',
  415: 'Unsupported Media Type', 416: 'Range Not Satisfiable', 417: 'Expectation Failed', 418: "I'm a Teapot",
  421: 'Misdirected Request', 422: 'Unprocessable Entity', 423: 'Locked', 424: 'Failed Dependency', 425: 'Too Early',
  426: 'Upgrade Required', 428: 'Precondition Required', 429: 'Too Many Requests', 431: 'Request Header Fields Too Large',
  451: 'Unavailable For Legal Reasons', 500: 'Internal Server Error', 501: 'Not Implemented', 502: 'Bad Gateway',
  503: 'Service Unavailable', 504: 'Gateway Timeout', 505: 'HTTP Version Not Supported', 506: 'Variant Also Negotiates',
  507: 'Insufficient Storage', 508: 'Loop Detected', 509: 'Bandwidth Limit Exceeded', 510: 'Not Extended',
  511: 'Network Authentication Required',
};

const SERVERS = 'nothing outside could reach it';

/** The URL and the options of `request(url?, options?, callback?)`. */
function parsed(scheme, args) {
  const callback = typeof args.at(-1) === 'function' ? args.pop() : undefined;
  let [first, options = {}] = args;
  let url;
  if (typeof first === 'string') {
    try {
      url = new URL(first);
    } catch {
      throw Object.assign(typeError('ERR_INVALID_URL', 'Invalid URL'), { input: first });
    }
  } else if (first instanceof URL) url = first;
  else options = first ?? {};
  const protocol = options.protocol ?? url?.protocol ?? `${scheme}:`;
  if (protocol !== `${scheme}:`) {
    throw typeError('ERR_INVALID_PROTOCOL', `Protocol "${protocol}" not supported. Expected "${scheme}:"`);
  }
  const host = options.hostname ?? options.host ?? url?.hostname ?? 'localhost';
  const port = options.port ?? (url?.port || undefined);
  const path = options.path ?? (url === undefined ? '/' : url.pathname + url.search);
  if (/[\0-\x20]/.test(path)) throw typeError('ERR_UNESCAPED_CHARACTERS', 'Request path contains unescaped characters');
  const auth = options.auth ?? (url?.username ? `${url.username}:${url.password}` : undefined);
  const named = `${host}`.includes(':') && !`${host}`.startsWith('[') && options.hostname === undefined && options.port === undefined ? host : `${host}${port === undefined ? '' : `:${port}`}`;
  return { callback, options, host, port: port ?? (scheme === 'https' ? 443 : 80), path, auth, url: `${protocol}//${named}${path.startsWith('/') ? path : `/${path}`}` };
}

/** What `fetch` throws as what a socket would emit. */
function asSocketError(error, host, port, cause) {
  if (cause !== undefined) return cause;
  if (error?.code === undefined) return error;
  const lookup = error.code === 'ENOTFOUND';
  const syscall = lookup ? 'getaddrinfo' : 'connect';
  const made = withProperties(new Error(`${syscall} ${error.code} ${host}${lookup ? '' : `:${port}`}`), { code: error.code, syscall, hostname: lookup ? host : undefined });
  made.cause = error;
  return made;
}

function made() {
  const { Readable, Writable } = need('stream');
  const { Buffer } = need('buffer');

  class IncomingMessage extends Readable {
    constructor(response, bytes) {
      super({
        read() {
          if (bytes.length > 0) this.push(Buffer.from(bytes));
          this.push(null);
        },
      });
      Object.assign(this, {
        statusCode: response.status,
        statusMessage: response.statusText,
        httpVersion: '1.1',
        httpVersionMajor: 1,
        httpVersionMinor: 1,
        headers: {},
        rawHeaders: [],
        trailers: {},
        rawTrailers: [],
        complete: true,
        aborted: false,
        url: '',
        method: null,
        socket: { encrypted: response.url.startsWith('https:'), remoteAddress: undefined, setTimeout() {}, destroy() {} },
      });
      this.connection = this.socket;
      for (const [name, value] of response.headers) {
        if (name === 'set-cookie') continue;
        this.headers[name] = value;
        this.rawHeaders.push(name, value);
      }
      const cookies = response.headers.getSetCookie?.() ?? [];
      if (cookies.length > 0) this.headers['set-cookie'] = cookies;
      for (const cookie of cookies) this.rawHeaders.push('set-cookie', cookie);
    }
    setTimeout() {
      return this;
    }
  }

  class ClientRequest extends Writable {
    #headers = new Map();
    #parts = [];
    #controller = new AbortController();
    #cause;
    #timer;
    #target;
    constructor(scheme, args) {
      super({ decodeStrings: false, autoDestroy: false });
      const { callback, options, host, port, path, auth, url } = parsed(scheme, args);
      Object.assign(this, { host, path, protocol: `${scheme}:`, method: `${options.method ?? 'GET'}`.toUpperCase(), aborted: false, reusedSocket: false, res: null });
      this.#target = { url, port };
      const { headers = {} } = options;
      if (Array.isArray(headers)) for (let i = 0; i + 1 < headers.length; i += 2) this.setHeader(headers[i], headers[i + 1]);
      else for (const name of Object.keys(headers)) if (headers[name] !== undefined) this.setHeader(name, headers[name]);
      if (auth && !this.hasHeader('authorization')) this.setHeader('Authorization', `Basic ${Buffer.from(auth).toString('base64')}`);
      if (callback !== undefined) this.once('response', callback);
      if (options.timeout !== undefined) this.setTimeout(options.timeout);
      options.signal?.addEventListener('abort', () => this.destroy(options.signal.reason), { once: true });
      immediate(() => {
        this.socket = { setTimeout: (ms, heed) => void this.setTimeout(ms, heed), setKeepAlive() {}, setNoDelay() {}, destroy: (error) => void this.destroy(error), on() {}, once() {} };
        this.emit('socket', this.socket);
      }, []);
    }
    setHeader(name, value) {
      if (typeof name !== 'string' || name === '') throw typeError('ERR_INVALID_HTTP_TOKEN', `Header name must be a valid HTTP token ["${name}"]`);
      if (value === undefined) throw typeError('ERR_HTTP_INVALID_HEADER_VALUE', `Invalid value "undefined" for header "${name}"`);
      this.#headers.set(name.toLowerCase(), [name, Array.isArray(value) ? value.map(String) : `${value}`]);
      return this;
    }
    getHeader(name) {
      return this.#headers.get(`${name}`.toLowerCase())?.[1];
    }
    hasHeader(name) {
      return this.#headers.has(`${name}`.toLowerCase());
    }
    removeHeader(name) {
      this.#headers.delete(`${name}`.toLowerCase());
    }
    getHeaderNames() {
      return [...this.#headers.keys()];
    }
    getHeaders() {
      return Object.fromEntries([...this.#headers].map(([name, [, value]]) => [name, value]));
    }
    flushHeaders() {}
    setNoDelay() {}
    setSocketKeepAlive() {}
    setTimeout(ms, callback) {
      if (typeof ms !== 'number') throw wrongType('msecs', 'of type number', ms);
      if (callback !== undefined) this.once('timeout', callback);
      clearTimeout(this.#timer);
      if (ms > 0) {
        this.#timer = setTimeout(() => this.emit('timeout'), ms);
        this.#timer.unref?.();
      }
      return this;
    }
    abort() {
      this.aborted = true;
      this.destroy();
    }
    _write(chunk, encoding, done) {
      this.#parts.push(bytesFrom(chunk, encoding === 'buffer' ? undefined : encoding, 'chunk'));
      done();
    }
    _final(done) {
      done();
      this.#send();
    }
    _destroy(error, done) {
      clearTimeout(this.#timer);
      if (this.res === null) {
        this.#cause = error ?? withProperties(new Error('socket hang up'), { code: 'ECONNRESET' });
        this.#controller.abort(this.#cause);
        done(this.#cause);
      } else done(error);
    }
    async #send() {
      const headers = [];
      for (const [name, value] of this.#headers.values()) for (const one of Array.isArray(value) ? value : [value]) headers.push([name, one]);
      const body = this.method === 'GET' || this.method === 'HEAD' ? undefined : Buffer.concat(this.#parts);
      let message;
      try {
        const response = await globalThis.fetch(this.#target.url, { method: this.method, headers, body: body?.length > 0 ? body : undefined, redirect: 'manual', signal: this.#controller.signal });
        message = new IncomingMessage(response, new Uint8Array(await response.arrayBuffer()));
      } catch (error) {
        clearTimeout(this.#timer);
        if (!this.destroyed) this.destroy(asSocketError(error, this.host, this.#target.port, this.#cause));
        return;
      }
      clearTimeout(this.#timer);
      if (this.destroyed) return;
      this.res = message;
      message.req = this;
      message.once('close', () => this.destroy());
      // What the listener throws is its own.
      immediate(() => {
        if (!this.emit('response', message)) message.resume();
      }, []);
    }
  }
  return { ClientRequest, IncomingMessage };
}

let classes;

class Agent {
  constructor(options = {}) {
    Object.assign(this, { options, maxSockets: Infinity, maxFreeSockets: 256, sockets: {}, requests: {}, freeSockets: {}, keepAlive: options.keepAlive ?? false });
  }
  destroy() {}
}

function client(scheme) {
  const request = (...args) => new ((classes ??= made()).ClientRequest)(scheme, args);
  const module = {
    request,
    get(...args) {
      const sent = request(...args);
      sent.end();
      return sent;
    },
    Agent,
    globalAgent: new Agent({ keepAlive: true }),
    createServer: refuses(`${scheme}.createServer`, SERVERS),
    Server: refuses(`${scheme}.Server`, SERVERS),
  };
  if (scheme === 'https') return module;
  Object.assign(module, {
    METHODS: METHODS.split(' '),
    STATUS_CODES,
    maxHeaderSize: 16384,
    OutgoingMessage: need('stream').Writable,
    ServerResponse: refuses('http.ServerResponse', SERVERS),
    validateHeaderName() {},
    validateHeaderValue() {},
    setMaxIdleHTTPParsers() {},
  });
  for (const name of ['ClientRequest', 'IncomingMessage']) {
    Object.defineProperty(module, name, { get: () => (classes ??= made())[name], enumerable: true, configurable: true });
  }
  return module;
}

provide('http', () => client('http'));
provide('https', () => client('https'));
