// Errors of requests as Node's sockets have them, with the host's reason.

import { errnoOf, plainError, withProperties } from '../errors.js';

const { Error, Object } = globalThis;

/** Codes of a connection that does not come about. */
const CONNECTING = ['ECONNREFUSED', 'EHOSTUNREACH', 'ETIMEDOUT'];

/** What stands for a host's refusal that has no code of the system. */
const BY_KIND = { __proto__: null, 'not-granted': 'EACCES', 'invalid-call': 'EINVAL', 'limit-reached': 'EMSGSIZE', timeout: 'ETIMEDOUT' };

/** `told` is the host's {kind, message, data?}. */
export function socketError({ kind, message, data }, host, port) {
  const code = data?.code ?? BY_KIND[kind] ?? 'ECONNRESET';
  const address = `${host}:${port}`;
  let error;
  if (kind === 'not-granted') {
    error = withProperties(new Error(`connect ${code} ${address} - ${message}`), { errno: errnoOf(code), code, syscall: 'connect', address: host, port });
  } else if (code === 'ENOTFOUND') {
    error = withProperties(new Error(`getaddrinfo ${code} ${host}`), { errno: errnoOf(code), code, syscall: 'getaddrinfo', hostname: host });
  } else if (data?.code !== undefined && CONNECTING.includes(code)) {
    error = withProperties(new Error(`connect ${code} ${address}`), { errno: errnoOf(code), code, syscall: 'connect', address: host, port });
  } else if (data?.code === 'ECONNRESET') {
    error = hangUp();
  } else {
    error = plainError(code, message);
  }
  const { message: own } = error;
  const properties = { kind: { value: kind, writable: true, enumerable: false, configurable: true } };
  if (!own.endsWith(message)) properties.cause = { value: new Error(message), writable: true, enumerable: false, configurable: true };
  return Object.defineProperties(error, properties);
}

export function hangUp(message = 'socket hang up') {
  return plainError('ECONNRESET', message);
}
