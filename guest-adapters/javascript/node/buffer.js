// `buffer`, and the global `Buffer`: the package `buffer`, with encodings by the engine.

import { toBase64, toHex } from '../base64.js';
import { inspect } from '../inspect.js';
import { arrayLength, bytesOf, setPrototypeOf } from '../primordials.js';
import { outOfRange, plainError, rangeError, received, typeError, wrongType } from './errors.js';
import { packaged, provide } from './registry.js';

const { Blob, File, Math, Number, Object, String, Symbol, TextDecoder, TextEncoder, Uint8Array, atob, btoa } = globalThis;
const { subarray } = Uint8Array.prototype;
const fromBase64 = Uint8Array.fromBase64;
const fromHex = Uint8Array.fromHex;
const encoder = new TextEncoder();
const encode = encoder.encode.bind(encoder);
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const decode = decoder.decode.bind(decoder);
const strict = new TextDecoder('utf-8', { fatal: true });

const ENCODINGS = {
  __proto__: null,
  utf8: 'utf8', 'utf-8': 'utf8', hex: 'hex', base64: 'base64', base64url: 'base64url', latin1: 'latin1', binary: 'latin1',
  ascii: 'ascii', ucs2: 'utf16le', 'ucs-2': 'utf16le', utf16le: 'utf16le', 'utf-16le': 'utf16le',
};

/** The encoding's first name; undefined if it is none. */
export function encodingOf(name) {
  if (name === undefined || name === null || name === '') return 'utf8';
  return ENCODINGS[name] ?? ENCODINGS[`${name}`.toLowerCase()];
}

function needEncoding(name) {
  const found = encodingOf(name);
  if (found === undefined) throw typeError('ERR_UNKNOWN_ENCODING', `Unknown encoding: ${name}`);
  return found;
}

const prototype = () => Buffer().prototype;

/** Bytes as a Buffer over the same memory. */
export function asBuffer(bytes) {
  return setPrototypeOf(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength), prototype());
}

/** A text's bytes. */
export function encoded(text, encoding = 'utf8') {
  switch (needEncoding(encoding)) {
    case 'utf8':
      return encode(text);
    case 'base64':
    case 'base64url':
      return fromLooseBase64(text);
    case 'hex':
      return fromLooseHex(text);
    case 'utf16le': {
      const bytes = new Uint8Array(text.length * 2);
      for (let i = 0; i < text.length; i++) {
        const code = text.charCodeAt(i);
        bytes[2 * i] = code;
        bytes[2 * i + 1] = code >> 8;
      }
      return bytes;
    }
    default: {
      const bytes = new Uint8Array(text.length);
      for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
      return bytes;
    }
  }
}

/** As Node reads it: both alphabets, what is neither left out, up to the first `=`. */
function fromLooseBase64(text) {
  try {
    return fromBase64(text);
  } catch {
    // Not as it should be.
  }
  let clean = text;
  if (/[^A-Za-z0-9+/]/.test(clean)) {
    const end = clean.indexOf('=');
    if (end >= 0) clean = clean.slice(0, end);
    clean = clean.replaceAll('-', '+').replaceAll('_', '/').replace(/[^A-Za-z0-9+/]+/g, '');
  }
  if (clean.length % 4 === 1) clean = clean.slice(0, -1);
  return fromBase64(clean);
}

function fromLooseHex(text) {
  try {
    return fromHex(text);
  } catch {
    // Not as it should be.
  }
  let clean = text.length % 2 === 1 ? text.slice(0, -1) : text;
  const wrong = clean.search(/[^0-9a-fA-F]/);
  if (wrong >= 0) clean = clean.slice(0, wrong - (wrong % 2));
  return fromHex(clean);
}

const CHUNK = 8192;

/** The text that bytes stand for. */
export function decoded(bytes, encoding = 'utf8') {
  switch (needEncoding(encoding)) {
    case 'utf8':
      return decode(bytes);
    case 'base64':
      return toBase64(bytes);
    case 'base64url':
      return toBase64(bytes, { alphabet: 'base64url', omitPadding: true });
    case 'hex':
      return toHex(bytes);
    case 'utf16le': {
      let text = '';
      for (let i = 0; i + 1 < bytes.length; i += 2) text += String.fromCharCode(bytes[i] | (bytes[i + 1] << 8));
      return text;
    }
    case 'ascii': {
      let text = '';
      for (let i = 0; i < bytes.length; i++) text += String.fromCharCode(bytes[i] & 127);
      return text;
    }
    default: {
      let text = '';
      for (let i = 0; i < bytes.length; i += CHUNK) text += String.fromCharCode.apply(null, subarray.call(bytes, i, i + CHUNK));
      return text;
    }
  }
}

/** Text or bytes as bytes; `name` is what an error calls it. */
export function bytesFrom(data, encoding, name = 'data') {
  if (typeof data === 'string') return encoded(data, encoding);
  const bytes = typeof data === 'object' && data !== null ? bytesOf(data) : undefined;
  if (bytes === undefined) {
    throw wrongType(name, 'of type string or an instance of Buffer, TypedArray, or DataView', data);
  }
  return bytes;
}

let made;

/** The class, made when it is first asked for. */
export function Buffer() {
  made ??= tuned(packaged('buffer').Buffer);
  return made;
}

const CUSTOM = Symbol.for('nodejs.util.inspect.custom');

function tuned(Buffer) {
  const { from, isEncoding, prototype } = Buffer;
  const { write, fill, indexOf, lastIndexOf, includes } = prototype;
  const own = {
    from(value, encodingOrOffset, length) {
      if (typeof value === 'string') {
        return setPrototypeOf(encoded(value, typeof encodingOrOffset === 'string' ? encodingOrOffset : 'utf8'), prototype);
      }
      if (value === null || (typeof value !== 'object' && typeof value !== 'function') || typeof value === 'function') {
        const wanted = 'The first argument must be of type string or an instance of Buffer, ArrayBuffer, or Array or an Array-like Object.';
        throw typeError('ERR_INVALID_ARG_TYPE', wanted + received(value));
      }
      return from.call(Buffer, value, encodingOrOffset, length);
    },
    byteLength(value, encoding) {
      if (typeof value === 'string') {
        const known = encodingOf(encoding) ?? 'utf8';
        if (known === 'latin1' || known === 'ascii') return value.length;
        if (known === 'utf16le') return value.length * 2;
        if (known === 'hex') return value.length >>> 1;
        if (known === 'utf8') return arrayLength(encode(value));
        const end = value.endsWith('==') ? 2 : value.endsWith('=') ? 1 : 0;
        return ((value.length - end) * 3) >>> 2;
      }
      const bytes = typeof value === 'object' && value !== null ? bytesOf(value) : undefined;
      if (bytes === undefined) {
        throw wrongType('string', 'of type string or an instance of Buffer or ArrayBuffer', value);
      }
      return bytes.byteLength;
    },
    isEncoding(name) {
      return typeof name === 'string' && name !== '' && encodingOf(name) !== undefined;
    },
    copyBytesFrom(view, offset = 0, length = view.length - offset) {
      return Buffer.from(Buffer.from(bytesOf(view.subarray(offset, offset + length))));
    },
    of(...items) {
      return Buffer.from(items);
    },
  };
  for (const name of Object.keys(own)) hide(Buffer, name, own[name]);
  const methods = {
    toString(encoding, start, end) {
      if (arguments.length === 0) return decode(this);
      const { length } = this;
      let from = start === undefined ? 0 : start < 0 ? 0 : start | 0;
      let to = end === undefined || end > length ? length : end | 0;
      needEncoding(encoding);
      if (from >= to) return '';
      return decoded(from === 0 && to === length ? this : subarray.call(this, from, to), encoding);
    },
    toLocaleString(encoding, start, end) {
      return this.toString(encoding, start, end);
    },
    write(text, offset, length, encoding) {
      if (typeof text !== 'string') throw wrongType('argument', 'of type string', text);
      if (typeof offset === 'string') [offset, length, encoding] = [0, undefined, offset];
      else if (typeof length === 'string') [length, encoding] = [undefined, length];
      if (encoding !== undefined) needEncoding(encoding);
      if (encodingOf(encoding) !== 'base64url') {
        return write.call(this, text, offset ?? 0, length ?? this.length - (offset ?? 0), encoding);
      }
      const bytes = encoded(text, encoding);
      const part = subarray.call(bytes, 0, Math.min(length ?? Infinity, this.length - (offset ?? 0)));
      this.set(part, offset ?? 0);
      return part.length;
    },
    fill(value, offset, end, encoding) {
      const named = typeof offset === 'string' ? offset : typeof end === 'string' ? end : encoding;
      if (typeof value === 'string' && named !== undefined && encodingOf(named) !== 'utf8') {
        needEncoding(named);
        const [from, to] = [typeof offset === 'string' ? 0 : offset, typeof end === 'string' ? undefined : end];
        return fill.call(this, asBuffer(encoded(value, named)), from, to);
      }
      return fill.call(this, value, offset, end, encoding);
    },
    [CUSTOM]() {
      const { length } = this;
      let text = '';
      for (let i = 0; i < length && i < 50; i++) text += `${i > 0 ? ' ' : ''}${this[i] < 16 ? '0' : ''}${this[i].toString(16)}`;
      if (length > 50) text += ` ... ${length - 50} more byte${length > 51 ? 's' : ''}`;
      const extra = Object.keys(this).slice(length).map((key) => `, ${key}: ${inspect(this[key])}`);
      return `<${this.constructor?.name ?? 'Buffer'} ${text}${extra.join('')}>`;
    },
  };
  for (const [name, method] of Object.entries({ indexOf, lastIndexOf, includes })) {
    methods[name] = function (value, offset, encoding) {
      if (typeof offset === 'string') [offset, encoding] = [undefined, offset];
      if (typeof value === 'string' && encoding !== undefined) value = asBuffer(encoded(value, encoding));
      return method.call(this, value, offset);
    };
    Object.defineProperty(methods[name], 'name', { value: name });
  }
  for (const name of [...Object.keys(methods), CUSTOM]) hide(prototype, name, methods[name]);
  hide(prototype, 'inspect', methods[CUSTOM]);
  // Documented nowhere, and called by packages.
  for (const encoding of ['ascii', 'base64', 'base64url', 'hex', 'latin1', 'ucs2', 'utf8']) {
    const slices = {
      [`${encoding}Slice`](start, end) {
        return this.toString(encoding, start, end);
      },
      [`${encoding}Write`](text, offset, length) {
        return this.write(text, offset, length, encoding);
      },
    };
    for (const name of Object.keys(slices)) hide(prototype, name, slices[name]);
  }
  for (const name of Object.getOwnPropertyNames(prototype)) {
    const found = NUMBERS.exec(name);
    if (found !== null) hide(prototype, name, checked(name, prototype[name], found[1] === 'write', found[2] ?? found[3]));
  }
  for (const name of ['alloc', 'allocUnsafe', 'allocUnsafeSlow']) {
    const make = Buffer[name];
    const makers = {
      [name](size, ...rest) {
        if (typeof size !== 'number') throw wrongType('size', 'of type number', size);
        if (!(size >= 0 && size <= MAX_LENGTH)) throw outOfRange('size', `>= 0 && <= ${MAX_LENGTH}`, size);
        return make(size, ...rest);
      },
    };
    hide(Buffer, name, makers[name]);
  }
  // What `for..in` and Node's own do not show.
  for (const name of Object.keys(prototype)) {
    if (Object.getOwnPropertyDescriptor(prototype, name).configurable) Object.defineProperty(prototype, name, { enumerable: false });
  }
  for (const [lower, upper] of aliases(prototype)) hide(prototype, lower, prototype[upper]);
  Buffer.poolSize = 8192;
  return Buffer;
}

const MAX_LENGTH = 2 ** 32 - 1;
const NUMBERS = /^(read|write)(?:(?:Big)?(U?[Ii]nt(?:8|16|32|64))|(Float|Double))(?:LE|BE)?$/;
const SIZES = { __proto__: null, 8: 1, 16: 2, 32: 4, 64: 8, Float: 4, Double: 8 };

/** A method that reads or writes a number, with the errors of Node in front. */
function checked(name, method, writes, kind) {
  const bits = /\d+/.exec(kind)?.[0] ?? kind;
  const size = SIZES[bits];
  const least = kind.startsWith('U') ? 0 : -(2 ** (bits - 1));
  const most = kind.startsWith('U') ? 2 ** bits - 1 : 2 ** (bits - 1) - 1;
  const at = (buffer, offset) => {
    if (typeof offset !== 'number') throw wrongType('offset', 'of type number', offset);
    if (!Number.isInteger(offset)) throw outOfRange('offset', 'an integer', offset);
    const last = buffer.length - size;
    if (last < 0) throw rangeError('ERR_BUFFER_OUT_OF_BOUNDS', 'Attempt to access memory outside buffer bounds');
    if (offset < 0 || offset > last) throw outOfRange('offset', `>= 0 and <= ${last}`, offset);
  };
  const methods = {
    read(offset = 0) {
      at(this, offset);
      return method.call(this, offset, true);
    },
    write(value, offset = 0) {
      if (size < 8 && kind !== 'Float' && !(value >= least && value <= most) && typeof value === 'number') {
        throw outOfRange('value', `>= ${least} and <= ${most}`, value);
      }
      at(this, offset);
      return method.call(this, value, offset);
    },
  };
  const made = writes ? methods.write : methods.read;
  Object.defineProperty(made, 'name', { value: name, configurable: true });
  return made;
}

/** `readUint8` is `readUInt8`. */
function aliases(prototype) {
  const all = Object.getOwnPropertyNames(prototype).filter((name) => /UInt/.test(name));
  return all.map((name) => [name.replace('UInt', 'Uint'), name]);
}

function hide(object, name, value) {
  Object.defineProperty(object, name, { value, writable: true, enumerable: false, configurable: true });
}

provide('buffer', () => {
  const MAX_STRING_LENGTH = 2 ** 30 - 2;
  const TheBuffer = Buffer();
  return {
    Buffer: TheBuffer,
    SlowBuffer: packaged('buffer').SlowBuffer,
    INSPECT_MAX_BYTES: 50,
    kMaxLength: MAX_LENGTH,
    kStringMaxLength: MAX_STRING_LENGTH,
    constants: { MAX_LENGTH, MAX_STRING_LENGTH },
    Blob,
    File,
    atob,
    btoa,
    isUtf8(input) {
      try {
        strict.decode(bytesFrom(input, 'utf8', 'input'));
        return true;
      } catch {
        return false;
      }
    },
    isAscii: (input) => bytesFrom(input, 'utf8', 'input').every((byte) => byte < 128),
    transcode(source, from, to) {
      if (encodingOf(from) === undefined || encodingOf(to) === undefined) {
        throw plainError('U_ILLEGAL_ARGUMENT_ERROR', 'Unable to transcode Buffer [U_ILLEGAL_ARGUMENT_ERROR]');
      }
      return TheBuffer.from(decoded(source, from).replaceAll(/[^\0-\xff]/g, encodingOf(to) === 'latin1' ? '?' : '$&'), to);
    },
  };
});
