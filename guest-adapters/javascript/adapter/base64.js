// `toBase64` and `toHex` of many bytes, a piece after the other: for the whole text the engine takes sixteen times
// as much memory as it has letters.

import { apply, arrayLength, brand, define, min, uncurry } from './primordials.js';

const { prototype } = Uint8Array;
const native = { toBase64: prototype.toBase64, toHex: prototype.toHex };
const part = uncurry(prototype.subarray);

/** Bytes of a piece: whole groups of three. */
const PIECE = 3 << 18;

function inPieces(bytes, length, write, settings) {
  let text = '';
  for (let from = 0; from < length; from += PIECE) text += apply(write, part(bytes, from, min(from + PIECE, length)), settings);
  return text;
}

const methods = {
  toBase64() {
    const length = brand(arrayLength, this) ? arrayLength(this) : 0;
    const options = arguments[0];
    if (!(length > PIECE) || (options !== undefined && (typeof options !== 'object' || options === null))) {
      return apply(native.toBase64, this, [options]);
    }
    const settings = options && { __proto__: null, alphabet: options.alphabet, omitPadding: options.omitPadding };
    return inPieces(this, length, native.toBase64, [settings]);
  },
  toHex() {
    const length = brand(arrayLength, this) ? arrayLength(this) : 0;
    return length > PIECE ? inPieces(this, length, native.toHex, []) : apply(native.toHex, this, []);
  },
};

export const toBase64 = uncurry(methods.toBase64);
export const toHex = uncurry(methods.toHex);

export function install() {
  define(prototype, 'toBase64', methods.toBase64);
  define(prototype, 'toHex', methods.toHex);
}
