// `http.Agent` and `https.Agent`: who makes the sockets of requests, and how many at a time. Each request has a socket
// of its own; which connections are kept open is the host's affair.

import { need } from '../registry.js';
import { sockets } from '../sockets.js';

const { Infinity, Object } = globalThis;

export function agents() {
  const EventEmitter = need('events');

  class Agent extends EventEmitter {
    constructor(options = {}) {
      super();
      Object.assign(this, {
        defaultPort: 80,
        protocol: 'http:',
        options: { __proto__: null, noDelay: true, ...options, path: null },
        requests: Object.create(null),
        sockets: Object.create(null),
        freeSockets: Object.create(null),
        keepAliveMsecs: options.keepAliveMsecs ?? 1000,
        keepAlive: options.keepAlive ?? false,
        maxSockets: options.maxSockets ?? Infinity,
        maxFreeSockets: options.maxFreeSockets ?? 256,
        scheduling: options.scheduling ?? 'lifo',
        maxTotalSockets: options.maxTotalSockets ?? Infinity,
        totalSocketCount: 0,
      });
    }

    createConnection(options) {
      return new (sockets().Plain)(options);
    }

    getName(options = {}) {
      let name = `${options.host || 'localhost'}:${options.port || ''}:${options.localAddress || ''}`;
      if (options.family === 4 || options.family === 6) name += `:${options.family}`;
      if (options.socketPath) name += `:${options.socketPath}`;
      return name;
    }

    addRequest(request, options) {
      options = { __proto__: null, ...options, ...this.options };
      const name = this.getName(options);
      const open = this.sockets[name]?.length ?? 0;
      if (open < this.maxSockets && this.totalSocketCount < this.maxTotalSockets) {
        this.createSocket(request, options, (error, socket) => request.onSocket(socket, error));
      } else {
        (this.requests[name] ??= []).push([request, options]);
      }
    }

    createSocket(request, options, done) {
      options = { __proto__: null, ...options, ...this.options };
      const name = this.getName(options);
      let isDone = false;
      const created = (error, socket) => {
        if (isDone) return;
        isDone = true;
        if (error) {
          done(error);
          return;
        }
        (this.sockets[name] ??= []).push(socket);
        this.totalSocketCount++;
        socket.once('close', () => this.removeSocket(socket, options));
        done(null, socket);
      };
      const socket = this.createConnection(options, created);
      if (socket) created(null, socket);
    }

    removeSocket(socket, options) {
      const name = this.getName(options);
      const at = this.sockets[name]?.indexOf(socket) ?? -1;
      if (at >= 0) {
        this.sockets[name].splice(at, 1);
        if (this.sockets[name].length === 0) delete this.sockets[name];
        this.totalSocketCount--;
      }
      // The next that waits, to the same host if there is one.
      const waiting = this.requests[name] !== undefined ? name : Object.keys(this.requests)[0];
      while (waiting !== undefined && this.requests[waiting] !== undefined) {
        const [next, with_] = this.requests[waiting].shift();
        if (this.requests[waiting].length === 0) delete this.requests[waiting];
        if (next.destroyed) continue;
        this.addRequest(next, with_);
        break;
      }
    }

    keepSocketAlive() {
      return false;
    }
    reuseSocket() {}

    destroy() {
      for (const name of Object.keys(this.sockets)) for (const socket of this.sockets[name].slice()) socket.destroy();
    }
  }

  class SecureAgent extends Agent {
    constructor(options) {
      super(options);
      Object.assign(this, { defaultPort: 443, protocol: 'https:', maxCachedSessions: options?.maxCachedSessions ?? 100 });
    }
    createConnection(options) {
      return new (sockets().Secure)(options);
    }
  }
  Object.defineProperty(SecureAgent, 'name', { value: 'Agent' });
  return { Agent, SecureAgent };
}
