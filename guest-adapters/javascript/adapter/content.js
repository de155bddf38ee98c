// What a tool answered beside its value: `content(value)`.
//
// An MCP server may answer structured content, which is the value, and content blocks that say
// something else: a summary, a file's text, an image. Values stay what JSON makes them, so the
// blocks are kept here, by the identity of the value.

import {
  TheError,
  TheTypeError,
  hasOwn,
  isArray,
  plainArray,
  push,
  weakMapGet,
  weakMapSet,
} from './primordials.js';
import { encode, shown } from './values.js';

/** By value, its blocks. */
const besides = new WeakMap();

/** The last answers that are texts, numbers and so on, which have no identity, the latest first. */
let last = plainArray();
const MOST = 8;

/** By type of a block, the member that makes it one. */
const KINDS = { __proto__: null, text: 'text', image: 'data', audio: 'data', resource: 'resource', resource_link: 'uri' };

/** The value of {value, content}, whose content is then known. */
export function keep({ value, content: blocks }) {
  if (isObject(value)) {
    weakMapSet(besides, value, blocks);
    return value;
  }
  const kept = plainArray();
  kept[0] = { __proto__: null, value, blocks };
  for (let i = 0; i < last.length && i + 1 < MOST; i++) kept[i + 1] = last[i];
  last = kept;
  return value;
}

/** The blocks that came beside a value; undefined if there were none. */
export function beside(value) {
  if (isObject(value)) return weakMapGet(besides, value);
  let found;
  for (let i = 0; i < last.length; i++) {
    if (last[i].value !== value) continue;
    found ??= last[i].blocks;
    if (encode(last[i].blocks) !== encode(found)) {
      throw new TheError(`several answers were ${shown(value)}: ask for content before the next call`);
    }
  }
  return found;
}

/**
 * The content blocks of a tool's answer: an array of { type: 'text', text } and the like.
 *
 * Of an answer that has no content of its own, its value as one block.
 */
export function content(value) {
  if (isObject(value) && typeof value.then === 'function') {
    throw new TheTypeError('content() takes an answer: await the call first');
  }
  const blocks = beside(value);
  if (blocks !== undefined) return copy(blocks);
  if (value === undefined || value === null) return [];
  if (isBlock(value)) return [value];
  if (isArray(value) && value.length > 0 && areBlocks(value)) return copy(value);
  return [{ type: 'text', text: typeof value === 'string' ? value : encode(value) }];
}

function isObject(value) {
  return value !== null && (typeof value === 'object' || typeof value === 'function');
}

function isBlock(value) {
  if (!isObject(value) || typeof value.type !== 'string') return false;
  const member = KINDS[value.type];
  return member !== undefined && hasOwn(value, member);
}

function areBlocks(values) {
  for (let i = 0; i < values.length; i++) if (!isBlock(values[i])) return false;
  return true;
}

function copy(blocks) {
  const copied = [];
  for (let i = 0; i < blocks.length; i++) push(copied, blocks[i]);
  return copied;
}
