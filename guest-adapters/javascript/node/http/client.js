// `http.ClientRequest`: sent when it has ended and has a socket; the host carries it out.

import { bytesFrom } from '../buffer.js';
import { plainError, refusal, typeError, wrongType } from '../errors.js';
import { aborted } from '../events.js';
import { exchange } from '../../exchange.js';
import { immediate } from '../../timers.js';
import { need } from '../registry.js';
import { SOCKETS, isIPv6, sockets } from '../sockets.js';
import { hangUp, socketError } from './failures.js';
import { isToken, pairsOf } from './outgoing.js';
import { MOST, bodyOf, contentOf, sendable, tooMuch } from './wire.js';

const { Array, Boolean, Number, Object, URL, queueMicrotask } = globalThis;

/** `request(url?, options?, callback?)`, as one object of options and the callback. */
function parsed(input, options, callback) {
  if (typeof input === 'string') {
    try {
      input = need('url').urlToHttpOptions(new URL(input));
    } catch {
      throw Object.assign(typeError('ERR_INVALID_URL', 'Invalid URL'), { input });
    }
  } else if (input instanceof URL) {
    input = need('url').urlToHttpOptions(input);
  } else {
    callback = options;
    options = input;
    input = null;
  }
  if (typeof options === 'function') {
    callback = options;
    options = input || {};
  } else {
    options = Object.assign(input || {}, options);
  }
  return { options, callback };
}

function hostOf(options) {
  for (const name of ['hostname', 'host']) {
    const host = options[name];
    if (host !== undefined && host !== null && typeof host !== 'string') throw wrongType(`options.${name}`, 'of type string or one of undefined or null', host);
    if (host) return host;
  }
  return 'localhost';
}

function agentOf(options, standard) {
  const { agent } = options;
  if (agent === false) return new standard.constructor();
  if (agent === null || agent === undefined) return typeof options.createConnection === 'function' ? undefined : standard;
  if (typeof agent.addRequest !== 'function') throw wrongType('options.agent', 'one of Agent-like Object, undefined, or false', agent);
  return agent;
}

function methodOf(options) {
  const { method } = options;
  if (method === undefined || method === null || method === '') return 'GET';
  if (typeof method !== 'string') throw wrongType('options.method', 'of type string', method);
  if (!isToken(method)) throw typeError('ERR_INVALID_HTTP_TOKEN', `Method must be a valid HTTP token ["${method}"]`);
  return method.toUpperCase();
}

/** `standard()` answers the agent that requests without one get. */
export function clientRequest(OutgoingMessage, IncomingMessage, standard) {
  const { Buffer } = need('buffer');

  return class ClientRequest extends OutgoingMessage {
    #parts = [];
    #size = 0;
    #port;
    #isSent = false;
    #isOver = false;
    #abandon;

    constructor(...args) {
      super();
      const { options, callback } = parsed(...args);
      const usual = options._defaultAgent ?? standard();
      const agent = agentOf(options, usual);
      const protocol = options.protocol || usual.protocol;
      // Agents for proxies read off the stack whether `https` called them; they come as far as `net.connect`.
      const expected = typeof agent?.connect === 'function' ? protocol : agent?.protocol ?? usual.protocol;
      if (options.path && /[^\u0021-\u00ff]/.test(`${options.path}`)) {
        throw typeError('ERR_UNESCAPED_CHARACTERS', 'Request path contains unescaped characters');
      }
      if (protocol !== expected) {
        throw typeError('ERR_INVALID_PROTOCOL', `Protocol "${protocol}" not supported. Expected "${expected}"`);
      }
      const port = (options.port = options.port || options.defaultPort || agent?.defaultPort || 80);
      const host = (options.host = hostOf(options));
      Object.assign(this, {
        agent, protocol, host, method: methodOf(options), path: options.path || '/', socketPath: options.socketPath, aborted: false, reusedSocket: false, res: null,
        timeoutCb: null, maxHeadersCount: null, upgradeOrConnect: false, parser: null,
      });
      this.#port = Number(port);
      if (callback) this.once('response', callback);
      this.#head(options, usual);
      if (options.timeout !== undefined) {
        this.timeout = Number(options.timeout);
        if (!(this.timeout >= 0)) throw wrongType('timeout', 'of type number', options.timeout);
        this.#heed();
      }
      this.#follow(options.signal);
      this.#connect(options);
    }

    #head(options, usual) {
      const host = isIPv6(this.host) ? `[${this.host}]` : this.host;
      if (options.headers) {
        for (const [name, value] of pairsOf(options.headers)) {
          if (value === undefined && !Array.isArray(options.headers)) continue;
          if (Array.isArray(options.headers)) this.appendHeader(name, value);
          else this.setHeader(name, value);
        }
      }
      const setHost = options.setHost === undefined ? options.setDefaultHeaders !== false : Boolean(options.setHost);
      if (setHost && !this.hasHeader('host')) this.setHeader('Host', this.#port === usual.defaultPort ? host : `${host}:${this.#port}`);
      if (options.auth && !this.hasHeader('authorization')) this.setHeader('Authorization', `Basic ${Buffer.from(options.auth).toString('base64')}`);
    }

    #follow(signal) {
      if (signal === undefined || signal === null) return;
      const stop = () => this.destroy(aborted(signal));
      if (signal.aborted) immediate(stop, []);
      else {
        signal.addEventListener('abort', stop, { once: true });
        this.once('close', () => signal.removeEventListener('abort', stop));
      }
    }

    #connect(options) {
      if (options.socketPath) {
        immediate(() => this.onSocket(undefined, refusal(`${this.protocol.slice(0, -1)}.request`, 'it cannot use a socket of the file system')), []);
      } else if (this.agent !== undefined) {
        this.agent.addRequest(this, options);
      } else {
        const connected = (error, socket) => (error ? this.onSocket(undefined, error) : socket && this.onSocket(socket));
        const socket = options.createConnection(options, connected);
        if (socket) this.onSocket(socket);
      }
    }

    /** An agent has a socket for the request, or an error. */
    onSocket(socket, error) {
      immediate(() => {
        if (error) this.destroy(error);
        if (this.destroyed) {
          socket?.destroy();
          return;
        }
        const { Plain, Secure } = sockets();
        if (!(socket instanceof Plain || socket instanceof Secure)) {
          this.destroy(refusal(`${this.protocol.slice(0, -1)}.request`, `it cannot use a connection of the script's own: ${SOCKETS}`));
          return;
        }
        this.socket = socket;
        socket._httpMessage = this;
        socket.on('error', (failure) => this.destroy(failure));
        socket.on('close', () => this.destroy());
        if (this.timeout !== undefined) this.#limit(this.timeout);
        this.emit('socket', socket);
      }, []);
    }

    #heed() {
      if (this.timeoutCb) return;
      this.timeoutCb = () => this.emit('timeout');
      const heed = (socket) => void socket.once('timeout', this.timeoutCb);
      if (this.socket) heed(this.socket);
      else this.once('socket', heed);
    }
    #limit(ms) {
      if (this.socket.connecting) this.socket.once('connect', () => this.socket.setTimeout(ms));
      else this.socket.setTimeout(ms);
    }
    setTimeout(ms, callback) {
      if (this.#isOver) return this;
      if (typeof ms !== 'number') throw wrongType('msecs', 'of type number', ms);
      this.#heed();
      if (callback !== undefined) this.once('timeout', callback);
      if (this.socket) this.#limit(ms);
      else this.once('socket', () => this.#limit(ms));
      return this;
    }
    setNoDelay() {}
    setSocketKeepAlive() {}
    clearTimeout(callback) {
      this.setTimeout(0, callback);
    }

    abort() {
      if (this.aborted) return;
      this.aborted = true;
      queueMicrotask(() => this.emit('abort'));
      this.destroy();
    }

    _implicitHeader() {
      this._header ??= `${this.method} ${this.path} HTTP/1.1\r\n${this.#pairs().map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
    }

    _write(chunk, encoding, done) {
      this._implicitHeader();
      const isText = typeof chunk === 'string';
      const part = isText && /^utf-?8$/i.test(encoding) ? chunk : bytesFrom(chunk, isText ? encoding : undefined, 'chunk').slice();
      this.#size += part.length;
      if (this.#size > MOST) {
        done(plainError('EMSGSIZE', tooMuch()));
        return;
      }
      this.#parts.push(part);
      this.socket?._active();
      done();
    }
    _final(done) {
      this._implicitHeader();
      const end = () => {
        done();
        immediate(() => this.#send(), []);
      };
      if (this.socket) end();
      else this.once('socket', end);
    }

    #pairs() {
      return this.getRawHeaderNames().flatMap((name) => [this.getHeader(name)].flat().map((value) => [name, `${value}`]));
    }

    #url() {
      const host = isIPv6(this.host) ? `[${this.host}]` : this.host;
      const path = `${this.path}`;
      return `${this.protocol}//${host}:${this.#port}${path.startsWith('/') ? path : `/${path}`}`;
    }

    /** Why the request is one that the host does not send. */
    #refused() {
      if (/^(connect|trace|track)$/i.test(this.method)) return `it does not send ${this.method}`;
      // What a proxy is asked.
      if (/^[a-z][a-z\d+.-]*:\/\//i.test(this.path)) return 'there are no proxies: the host connects itself';
      return undefined;
    }

    async #send() {
      if (this.#isSent || !this.socket || !this.writableEnded || this.destroyed) return;
      this.#isSent = true;
      const refused = this.#refused();
      if (refused !== undefined) {
        this.destroy(refusal(`${this.protocol.slice(0, -1)}.request`, refused));
        return;
      }
      const { promise, abandon } = exchange(this.#url(), this.method, sendable(this.#pairs()), bodyOf(this.#parts.splice(0)));
      this.#abandon = abandon;
      let answer;
      try {
        answer = await promise;
      } catch (told) {
        this.#abandon = undefined;
        if (!this.destroyed) this.destroy(socketError(told, this.host, this.#port));
        return;
      }
      this.#abandon = undefined;
      if (this.destroyed) return;
      // What the listeners throw is their own.
      immediate(() => this.#answered(answer), []);
    }

    #answered(answer) {
      if (this.destroyed) return;
      this.socket.setTimeout(0);
      const message = new IncomingMessage(this.socket);
      message._takes(answer, contentOf(answer, this.method));
      this.res = message;
      message.req = this;
      message.once('end', () => immediate(() => this.#end(), []));
      message.once('close', () => immediate(() => this.#end(), []));
      if (!this.emit('response', message)) message._dump();
    }

    #end() {
      if (this.#isOver) return;
      this.#isOver = true;
      this.destroy();
    }

    _destroy(error, done) {
      const stopped = this.#abandon;
      this.#abandon = undefined;
      const cause = error ?? hangUp();
      stopped?.({ kind: 'cancelled', message: cause.message });
      const { socket, res } = this;
      if (res !== null && this.#isOver) {
        // Behind `close` of the request: packages that listen to both take the end of a socket for a cut.
        immediate(() => immediate(() => socket?.destroy(), []), []);
        done(error);
        return;
      }
      socket?.destroy(error);
      if (res !== null) {
        if (!res.complete) res.destroy(hangUp('aborted'));
        this.#isOver = true;
        done(error);
        return;
      }
      this.#isOver = true;
      done(cause);
    }
  };
}
