// Modules that need what a sandbox does not have. They load; what is used of them says so.

import { create } from '../primordials.js';
import { plainError, refuses } from './errors.js';
import { provide } from './registry.js';
import { SOCKETS } from './sockets.js';

const { Object, queueMicrotask } = globalThis;

const MODULES = {
  dgram: [SOCKETS, ['createSocket', 'Socket']],
  http2: [SOCKETS, ['connect', 'createServer', 'createSecureServer']],
  cluster: ['there is one process', ['fork', 'disconnect', 'setupPrimary', 'setupMaster', 'Worker']],
  inspector: ['nothing can be attached to the script', ['open', 'close', 'url', 'waitForDebugger', 'Session']],
  sqlite: ['a tool for a database, or Python, has SQLite', ['DatabaseSync', 'StatementSync', 'backup']],
  test: ['use `assert` and call the functions yourself', ['test', 'it', 'describe', 'suite', 'before', 'after', 'beforeEach', 'afterEach', 'run', 'mock']],
  repl: ['`wxmcp repl` is one', ['start', 'REPLServer']],
  trace_events: ['nothing traces the script', ['createTracing', 'getEnabledCategories']],
  wasi: ['there is no WebAssembly', ['WASI']],
  domain: ['use promises', ['create', 'createDomain', 'Domain']],
};

for (const name of Object.keys(MODULES)) {
  provide(name, () => {
    const [why, functions] = MODULES[name];
    const found = {};
    for (const one of functions) found[one] = refuses(`${name}.${one}`, why);
    return (EXTRAS[name] ?? ((made) => made))(found);
  });
}

/** What these have that needs nothing. */
const EXTRAS = {
  __proto__: null,
  // Names of headers and settings: who destructures them gets undefined, and comes no further than `connect`.
  http2: (http2) => Object.assign(http2, { constants: {}, sensitiveHeaders: Symbol.for('nodejs.http2.sensitiveHeaders'), getDefaultSettings: () => ({}) }),
  cluster: (cluster) => Object.assign(cluster, { isMaster: true, isPrimary: true, isWorker: false, workers: {}, settings: {} }),
  test(test) {
    const main = test.test;
    return Object.assign(main, test, { default: main });
  },
};

const NAMES = 'ANY A AAAA CAA CNAME MX NAPTR NS PTR SOA SRV TXT'.split(' ').map((kind) => kind[0] + kind.slice(1).toLowerCase());

provide('dns', () => {
  const dns = { ADDRCONFIG: 32, V4MAPPED: 8, ALL: 16, NODATA: 'ENODATA', FORMERR: 'EFORMERR', SERVFAIL: 'ESERVFAIL', REFUSED: 'EREFUSED', TIMEOUT: 'ETIMEOUT', NOTFOUND: 'ENOTFOUND', promises: dnsPromises() };
  for (const name of ['lookup', 'lookupService', 'resolve', 'resolve4', 'resolve6', 'reverse', ...NAMES.map((one) => `resolve${one}`)]) {
    dns[name] = (...args) => {
      const callback = args.at(-1);
      if (typeof callback !== 'function') refuses(`dns.${name}`, SOCKETS)();
      queueMicrotask(() => callback(unresolved(name, args[0])));
    };
  }
  dns.getServers = () => [];
  dns.setServers = () => {};
  dns.setDefaultResultOrder = () => {};
  dns.getDefaultResultOrder = () => 'verbatim';
  dns.Resolver = resolver(dns);
  return dns;
});
provide('dns/promises', dnsPromises);

/** A name that is not known, as for a machine without a network. */
function unresolved(name, host) {
  const syscall = name === 'lookup' ? 'getaddrinfo' : `query${name.slice(7)}`;
  const error = plainError('ENOTFOUND', `${syscall} ENOTFOUND ${host}`);
  return Object.assign(error, { errno: -3008, syscall, hostname: host });
}

function dnsPromises() {
  const dns = create(null);
  for (const name of ['lookup', 'resolve', 'resolve4', 'resolve6', 'reverse', ...NAMES.map((one) => `resolve${one}`)]) {
    dns[name] = async (host) => {
      throw unresolved(name, host);
    };
  }
  dns.Resolver = resolver(dns);
  return dns;
}

/** A class whose objects have the functions of a module; packages make one when they load. */
function resolver(functions) {
  class Resolver {
    getServers() {
      return [];
    }
    setServers() {}
    setLocalAddress() {}
    cancel() {}
  }
  for (const name of Object.keys(functions)) {
    if (/^(resolve|reverse)/.test(name)) Object.defineProperty(Resolver.prototype, name, { value: functions[name], writable: true, configurable: true });
  }
  return Resolver;
}

