// What goes to the host, and what comes back: the part of requests that `http` and `undici` have in common.

import { encoded } from '../buffer.js';
import { need } from '../registry.js';
import { bytesFromBase64 } from '../../primordials.js';

const { Set } = globalThis;

/** Bytes of a body that the host takes. */
export const MOST = 8 << 20;

/** Characters of a text whose JSON always fits one message. */
const MOST_AS_TEXT = 2 << 20;

/** Headers that are the host's to set: they are left out. */
const OURS = new Set('connection content-length expect host keep-alive te trailer transfer-encoding upgrade http2-settings'.split(' '));

/** What an answer may be packed with so that `zlib` unpacks it; where others are allowed, the host unpacks. */
const UNPACKED_HERE = /^\s*(?:x-)?(?:gzip|deflate|identity)\s*$/i;

/** Of pairs of a name and a value, those that the host takes. */
export function sendable(pairs) {
  return pairs.filter(([name, value]) => {
    const lower = name.toLowerCase();
    if (lower === 'accept-encoding') return value.split(',').every((one) => UNPACKED_HERE.test(one));
    return !OURS.has(lower) && !lower.startsWith('proxy-');
  });
}

/** A body of parts that are texts or bytes, as `exchange` takes it. */
export function bodyOf(parts) {
  let size = 0;
  let isText = true;
  for (const part of parts) {
    size += part.length;
    isText &&= typeof part === 'string';
  }
  if (size === 0) return undefined;
  if (isText && size <= MOST_AS_TEXT) return { text: parts.join('') };
  return { bytes: need('buffer').Buffer.concat(parts.map((part) => (typeof part === 'string' ? encoded(part) : part))) };
}

export function tooMuch() {
  return `the request's body has more than ${MOST} bytes: that is the limit`;
}

/** The bytes of an answer's body. */
export function contentOf({ status, text, bytes }, method) {
  if (method === 'HEAD' || status === 204 || status === 304) return encoded('');
  return text === undefined ? bytesFromBase64(bytes ?? '') : encoded(text);
}
