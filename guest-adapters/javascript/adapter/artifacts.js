// What hands something out of a run besides its text: progress, images, texts, files.

import { toBase64 } from './base64.js';
import {
  bytesFromBase64,
  bytesOf,
  charCode,
  hasOwn,
  indexOf,
  isArray,
  isErrorObject,
  keys,
  lastIndexOf,
  push,
  slice,
  startsWith,
  TheError,
  TheString,
  TheTypeError,
} from './primordials.js';
import { beside } from './content.js';
import { readBytes } from './files.js';
import { mediaTypeOf } from './media_types.js';
import { ARTIFACT, PROGRESS, tell } from './seam.js';
import { encode, quoted } from './values.js';


const MAGIC = [
  ['\x89PNG\r\n\x1a\n', 'image/png'],
  ['\xff\xd8\xff', 'image/jpeg'],
  ['GIF8', 'image/gif'],
  ['BM', 'image/bmp'],
  ['<svg', 'image/svg+xml'],
  ['<?xml', 'image/svg+xml'],
];

/** Tells whoever watches how far the script is: a message, and `done` of `total`. */
export function progress(message, done, total) {
  let text = '';
  if (message !== undefined && message !== null) text += `,"message":${quoted(words(message))}`;
  text += steps(done, 'done') + steps(total, 'total');
  tell(PROGRESS, `{${slice(text, 1)}}`);
}

/** A message as it is read: an object as JSON, which says more than `[object Object]`. */
function words(message) {
  return typeof message === 'object' && !isErrorObject(message) ? encode(message) : `${message}`;
}

function steps(value, name) {
  if (value === undefined || value === null) return '';
  if (typeof value !== 'number' && typeof value !== 'bigint') {
    throw new TheTypeError(`progress(message, done, total): ${name} is a number, not ${typeof value}`);
  }
  return `,"${name}":${encode(value)}`;
}

/**
 * Hands out an image: bytes, base64 text, a data URL, or what a tool answered.
 *
 * An answer may be one MCP image block or anything that holds some; each image in it is
 * handed out. The media type is recognised if it is not given.
 */
export function image(data, mediaType) {
  if (typeof data === 'string') {
    imageText(data, mediaType);
    return;
  }
  const bytes = bytesOf(data);
  if (bytes !== undefined) {
    handOut('image', mediaType ?? recognised(bytes), toBase64(bytes));
    return;
  }
  if (data === null || typeof data !== 'object') {
    throw new TheTypeError(`image() takes bytes, text or a tool's answer, not ${data === null ? 'null' : typeof data}`);
  }
  const blocks = [];
  collect(data, blocks, 0);
  if (blocks.length === 0) collect(beside(data), blocks, 0);
  if (blocks.length === 0) throw new TheError('there is no image in this answer');
  for (let i = 0; i < blocks.length; i++) {
    const block = blocks[i];
    imageText(block.data, mediaType ?? block.mimeType ?? block.media_type ?? block.mime_type);
  }
}

function imageText(text, mediaType) {
  if (startsWith(text, 'data:')) {
    const comma = indexOf(text, ',');
    const type = slice(text, 5, comma);
    const end = indexOf(type, ';');
    mediaType ??= end < 0 ? type : slice(type, 0, end);
    text = slice(text, comma + 1);
  }
  const bytes = bytesFromBase64(text);
  handOut('image', mediaType ?? recognised(bytes), toBase64(bytes));
}

/** Hands out a text as a document of its own, beside what the script prints. */
export function text(content, mediaType = 'text/plain') {
  handOut('text', mediaType, typeof content === 'string' ? content : TheString(content));
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const decode = decoder.decode.bind(decoder);

/**
 * Hands out a file: of a mount, of the home or of `/tmp`. Its media type is that of its name, if none is given; `name` is
 * what it is called outside, instead of its own name.
 */
export function artifact(path, mediaType, name) {
  const bytes = readBytes(path);
  name = name === undefined || name === null ? slice(path, lastIndexOf(path, '/') + 1) : `${name}`;
  mediaType = `${mediaType ?? mediaTypeOf(name)}`;
  if (startsWith(mediaType, 'text/') || mediaType === 'application/json') {
    let text;
    try {
      text = decode(bytes);
    } catch {
      // Bytes, whatever they are called.
    }
    if (text !== undefined) {
      handOut('text', mediaType, text, name);
      return;
    }
  }
  handOut(startsWith(mediaType, 'image/') ? 'image' : 'file', mediaType, toBase64(bytes), name);
}

function handOut(kind, mediaType, data, name) {
  const named = name === undefined ? '' : `,"name":${quoted(name)}`;
  tell(ARTIFACT, `{"kind":"${kind}","media_type":${quoted(`${mediaType}`)},"data":${quoted(data)}${named}}`);
}

/** The image blocks in an answer. */
function collect(answer, blocks, depth) {
  if (answer === null || typeof answer !== 'object' || depth > 100) return;
  if (typeof answer.data === 'string' && (answer.type === 'image' || hasOwn(answer, 'mimeType'))) {
    push(blocks, answer);
    return;
  }
  const names = isArray(answer) ? answer : keys(answer);
  for (let i = 0; i < names.length; i++) collect(isArray(answer) ? answer[i] : answer[names[i]], blocks, depth + 1);
}

function recognised(bytes) {
  for (let i = 0; i < MAGIC.length; i++) if (begins(bytes, 0, MAGIC[i][0])) return MAGIC[i][1];
  if (begins(bytes, 0, 'RIFF') && begins(bytes, 8, 'WEBP')) return 'image/webp';
  throw new TheError('the media type of this image is not known: name it, image(data, "image/..")');
}

function begins(bytes, from, magic) {
  for (let i = 0; i < magic.length; i++) if (bytes[from + i] !== charCode(magic, i)) return false;
  return true;
}
