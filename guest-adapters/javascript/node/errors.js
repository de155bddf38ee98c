// Errors as Node words them.

import { inspect } from '../inspect.js';
import { note } from '../errors.js';
import { TheError, TheRangeError, TheTypeError, defineProperty } from '../primordials.js';

const NUMBERS = {
  __proto__: null,
  EPERM: -1, ENOENT: -2, EIO: -5, EBADF: -9, EAGAIN: -11, ENOMEM: -12, EACCES: -13, EBUSY: -16, EEXIST: -17, EXDEV: -18,
  ENODEV: -19, ENOTDIR: -20, EISDIR: -21, EINVAL: -22, EMFILE: -24, EFBIG: -27, ENOSPC: -28, ESPIPE: -29, EROFS: -30,
  EPIPE: -32, ENAMETOOLONG: -36, ENOTEMPTY: -39, ELOOP: -40, EMSGSIZE: -90, ENOTSUP: -95, ECONNRESET: -104, ETIMEDOUT: -110, ECONNREFUSED: -111, EHOSTUNREACH: -113, ENOTFOUND: -3008, EDQUOT: -122,
};

export function errnoOf(code) {
  return NUMBERS[code];
}

/** An error whose own properties are those, in that order. */
export function withProperties(error, properties) {
  for (const name of Object.keys(properties)) {
    if (properties[name] === undefined) continue;
    defineProperty(error, name, { __proto__: null, value: properties[name], writable: true, enumerable: true, configurable: true });
  }
  return error;
}

/** `TypeError [CODE]: message`: the stack has the code, the name does not. */
function coded(error, code) {
  defineProperty(error, 'code', { __proto__: null, value: code, writable: true, enumerable: true, configurable: true });
  return error;
}

export function typeError(code, message) {
  return coded(new TheTypeError(message), code);
}
export function rangeError(code, message) {
  return coded(new TheRangeError(message), code);
}
export function plainError(code, message) {
  return coded(new TheError(message), code);
}

/** How Node's messages show what they got. */
export function received(value) {
  if (value === null || value === undefined) return ` Received ${value}`;
  if (typeof value === 'function') return ` Received function ${value.name}`;
  if (typeof value === 'object') {
    const name = value.constructor?.name;
    return name ? ` Received an instance of ${name}` : ` Received ${inspect(value, { depth: -1 })}`;
  }
  let text = inspect(value);
  if (text.length > 28) text = `${text.slice(0, 25)}...`;
  return ` Received type ${typeof value} (${text})`;
}

export function wrongType(name, expected, value) {
  const kind = name.includes('.') ? 'property' : 'argument';
  const what = name.endsWith(' argument') ? `The ${name}` : `The "${name}" ${kind}`;
  return typeError('ERR_INVALID_ARG_TYPE', `${what} must be ${expected}.${received(value)}`);
}

export function outOfRange(name, range, value) {
  return rangeError('ERR_OUT_OF_RANGE', `The value of "${name}" is out of range. It must be ${range}. Received ${inspect(value)}`);
}

export function wrongValue(name, value, reason = 'is invalid') {
  const kind = name.includes('.') ? 'property' : 'argument';
  return typeError('ERR_INVALID_ARG_VALUE', `The ${kind} '${name}' ${reason}. Received ${inspect(value)}`);
}

export function needFunction(value, name = 'cb') {
  if (typeof value !== 'function') throw wrongType(name, 'of type function', value);
}

/** What a sandbox cannot do: `what` is how the script named it, `instead` a sentence. */
export function refusal(what, instead) {
  return plainError('ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', `\`${what}\` is not possible in the sandbox: ${instead}`);
}

/** A function that refuses; `new` of it does, too. */
export function refuses(what, instead) {
  const name = what.slice(what.lastIndexOf('.') + 1);
  const refusing = function () {
    throw refusal(what, instead);
  };
  defineProperty(refusing, 'name', { __proto__: null, value: name, configurable: true });
  return refusing;
}

export { note };
