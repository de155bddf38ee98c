// Digests by the engine's own `crypto.subtle`, at once: a hundred times as fast as the package.
//
// The engine works a digest out where it is called, and only then makes a promise of it. Whoever resolves a
// promise first looks whether the value has a member `then`: a getter of that name, which is there for that
// moment, is told the buffer.

import { defineProperty, getOwnPropertyDescriptor } from '../../primordials.js';

const { ArrayBuffer, Object, Uint8Array, crypto } = globalThis;
const { subtle } = crypto;
const digest = subtle.digest.bind(subtle);
const buffers = ArrayBuffer.prototype;
const { set, subarray } = Uint8Array.prototype;
const transfer = buffers.transfer;

/** By Node's name: the engine's, bytes of a digest, and of a block. */
const KNOWN = {
  __proto__: null,
  md5: ['MD5', 16, 64],
  sha1: ['SHA-1', 20, 64],
  sha256: ['SHA-256', 32, 64],
  sha384: ['SHA-384', 48, 128],
  sha512: ['SHA-512', 64, 128],
};

let found;
const then = {
  __proto__: null,
  get() {
    found = this;
    return undefined;
  },
  configurable: true,
};

/** The digest of bytes; undefined where a script has closed the prototype of buffers. */
function digestNow(name, bytes) {
  const before = getOwnPropertyDescriptor(buffers, 'then');
  try {
    defineProperty(buffers, 'then', then);
  } catch {
    return undefined;
  }
  try {
    found = undefined;
    digest(name, bytes);
    return found && new Uint8Array(found);
  } finally {
    found = undefined;
    if (before === undefined) delete buffers.then;
    else defineProperty(buffers, 'then', before);
  }
}

/** Whether the engine does work at once; node, which runs this for tests, does not. */
function isAtOnce() {
  atOnce ??= digestNow('SHA-256', new Uint8Array(0)) !== undefined;
  return atOnce;
}
let atOnce;

/** What the package calls a hash: it takes bytes, which are kept until the digest is asked for. */
class State {
  #name;
  #packaged;
  #bytes;
  #length = 0;
  constructor([name, outputLen, blockLen], packaged) {
    this.#name = name;
    this.#packaged = packaged;
    this.#bytes = new Uint8Array(2 * blockLen);
    this.outputLen = outputLen;
    this.blockLen = blockLen;
  }
  update(bytes) {
    const length = this.#length + bytes.length;
    if (length > this.#bytes.length) {
      const room = length > 2 * this.#bytes.length ? length : 2 * this.#bytes.length;
      this.#bytes = new Uint8Array(transfer.call(this.#bytes.buffer, room));
    }
    set.call(this.#bytes, bytes, this.#length);
    this.#length = length;
    return this;
  }
  digest() {
    const bytes = subarray.call(this.#bytes, 0, this.#length);
    return digestNow(this.#name, bytes) ?? this.#packaged()(bytes);
  }
  digestInto(to) {
    set.call(to, this.digest());
  }
  clone() {
    return this._cloneInto();
  }
  _cloneInto(to = Object.create(null)) {
    const copy = #name in to ? to : new State([this.#name, this.outputLen, this.blockLen], this.#packaged);
    copy.#length = 0;
    return copy.update(subarray.call(this.#bytes, 0, this.#length));
  }
  destroy() {
    this.#length = 0;
  }
}

/** A hash in the package's shape; `packaged` answers the package's own. Undefined where the engine has none. */
export function nativeHash(name, packaged) {
  const kind = KNOWN[name];
  if (kind === undefined || !isAtOnce()) return undefined;
  const hash = (bytes) => new State(kind, packaged).update(bytes).digest();
  hash.create = () => new State(kind, packaged);
  hash.outputLen = kind[1];
  hash.blockLen = kind[2];
  return hash;
}
