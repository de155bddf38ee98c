// `net` and `tls`: classes that packages extend and ask of, and the sockets that stand for requests of `http`. Nothing
// else connects.

import { immediate } from '../timers.js';
import { refusal, refuses, wrongType } from './errors.js';
import { need, provide } from './registry.js';

const { Array, Number, Object, URL } = globalThis;

export const SOCKETS = 'there are no sockets; `fetch` and `https.get` reach the hosts that are granted';
const SERVERS = 'nothing outside could reach it';

export function isIPv4(text) {
  return /^(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$/.test(text);
}
export function isIPv6(text) {
  try {
    return /^[0-9a-f:.]+$/i.test(text) && new URL(`http://[${text}]`).hostname !== '';
  } catch {
    return false;
  }
}
export function isIP(text) {
  return isIPv4(text) ? 4 : isIPv6(text) ? 6 : 0;
}

let classes;

/** The classes, made when `net`, `tls`, `http` or `https` is first asked for. */
export function sockets() {
  return (classes ??= made());
}

function made() {
  const { Duplex } = need('stream');

  class Socket extends Duplex {
    #timer;
    #wait = 0;
    constructor(options = {}) {
      super({ allowHalfOpen: false, ...(typeof options === 'object' ? options : {}), read() {} });
      Object.assign(this, { connecting: false, bytesRead: 0, bytesWritten: 0, timeout: undefined, _hadError: false, server: null });
    }
    get readyState() {
      return this.connecting ? 'opening' : this.destroyed ? 'closed' : 'open';
    }
    get pending() {
      return this.connecting;
    }
    connect() {
      throw refusal(this.constructor === Socket ? 'net.Socket.connect' : 'tls.TLSSocket.connect', SOCKETS);
    }
    address() {
      return {};
    }
    setTimeout(ms, callback) {
      const wait = Number(ms);
      if (!(wait >= 0)) throw wrongType('msecs', 'of type number', ms);
      this.timeout = this.#wait = wait;
      if (callback !== undefined) {
        if (wait === 0) this.removeListener('timeout', callback);
        else this.once('timeout', callback);
      }
      this._active();
      return this;
    }
    /** Something came or went: the time without that begins anew. */
    _active() {
      clearTimeout(this.#timer);
      if (this.#wait > 0 && !this.destroyed) {
        this.#timer = setTimeout(() => this.emit('timeout'), this.#wait);
        this.#timer.unref();
      }
    }
    setNoDelay() {
      return this;
    }
    setKeepAlive() {
      return this;
    }
    ref() {
      return this;
    }
    unref() {
      return this;
    }
    destroySoon() {
      this.destroy();
    }
    _write(chunk, encoding, done) {
      done(refusal('net.Socket.write', SOCKETS));
    }
    _destroy(error, done) {
      clearTimeout(this.#timer);
      this.connecting = false;
      done(error);
    }
  }

  /** What a socket around a stream is made of in Node; packages look for its class. */
  class JSStreamSocket extends Socket {}

  class TLSSocket extends Socket {
    constructor(stream, options) {
      super(options);
      Object.assign(this, { encrypted: true, authorized: false, authorizationError: null, alpnProtocol: false, servername: false });
      if (stream !== undefined) Object.defineProperty(this, '_handle', { value: { _parentWrap: new JSStreamSocket() }, writable: true, configurable: true });
    }
    getPeerCertificate() {
      throw refusal('tls.TLSSocket.getPeerCertificate', 'the host has checked the certificate');
    }
    getSession() {}
    isSessionReused() {
      return false;
    }
    setServername() {}
  }

  /** What stands for the connection of a request: it says that it is connected, and has no bytes. */
  const standing = (Base) =>
    class extends Base {
      constructor({ host, servername }) {
        super();
        this.connecting = true;
        immediate(() => {
          if (this.destroyed) return;
          if (isIP(host) === 0) this.emit('lookup', null, undefined, undefined, host);
          this.connecting = false;
          this._active();
          if (this.encrypted) Object.assign(this, { authorized: true, servername: servername || host });
          for (const name of this.encrypted ? ['connect', 'ready', 'secureConnect'] : ['connect', 'ready']) this.emit(name);
        }, []);
      }
    };
  const [Plain, Secure] = [standing(Socket), standing(TLSSocket)];
  for (const [name, value, shown] of [[Plain, Socket, 'Socket'], [Secure, TLSSocket, 'TLSSocket']]) {
    Object.defineProperty(name, 'name', { value: shown });
    name.prototype.constructor = value;
  }
  return { Socket, TLSSocket, Plain, Secure };
}

provide('net', () => {
  const { Socket } = sockets();
  const net = { Socket, Stream: Socket, isIP, isIPv4, isIPv6 };
  for (const name of ['connect', 'createConnection']) net[name] = refuses(`net.${name}`, SOCKETS);
  for (const name of ['createServer', 'Server']) net[name] = refuses(`net.${name}`, SERVERS);
  for (const name of ['BlockList', 'SocketAddress']) net[name] = refuses(`net.${name}`, SOCKETS);
  let family = true;
  let patience = 250;
  return Object.assign(net, {
    getDefaultAutoSelectFamily: () => family,
    setDefaultAutoSelectFamily: (value) => void (family = value),
    getDefaultAutoSelectFamilyAttemptTimeout: () => patience,
    setDefaultAutoSelectFamilyAttemptTimeout: (value) => void (patience = value),
  });
});

provide('tls', () => {
  const { TLSSocket } = sockets();
  const tls = { TLSSocket, DEFAULT_MIN_VERSION: 'TLSv1.2', DEFAULT_MAX_VERSION: 'TLSv1.3', DEFAULT_ECDH_CURVE: 'auto', DEFAULT_CIPHERS: '', rootCertificates: [], getCiphers: () => [], getCACertificates: () => [] };
  for (const name of ['connect', 'checkServerIdentity']) tls[name] = refuses(`tls.${name}`, SOCKETS);
  for (const name of ['createServer', 'Server']) tls[name] = refuses(`tls.${name}`, SERVERS);
  // Certificates and keys that are handed over have no effect: the host connects.
  tls.createSecureContext = (options) => ({ context: {}, options });
  tls.SecureContext = class SecureContext {};
  tls.convertALPNProtocols = (protocols, out) => void (out.ALPNProtocols = need('buffer').Buffer.from(Array.isArray(protocols) ? protocols.map((one) => String.fromCharCode(one.length) + one).join('') : protocols, 'latin1'));
  return tls;
});
