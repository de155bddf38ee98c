// How `inspect` lays text out: quotes, blocks, and columns of short entries, as node does.

import { charCode, floor, join, min, push, repeat } from './primordials.js';

const { sqrt, round, max } = Math;

/** `name` without quotes in front of a colon. */
export function isIdentifier(name) {
  for (let i = 0; i < name.length; i++) {
    const code = charCode(name, i);
    const letter = (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95;
    if (!letter && !(i > 0 && code >= 48 && code <= 57)) return false;
  }
  return name !== '';
}

const NAMED = { __proto__: null, 8: '\\b', 9: '\\t', 10: '\\n', 12: '\\f', 13: '\\r', 92: '\\\\' };

/** A text in quotes, whichever need the fewest escapes. */
export function escaped(text) {
  let single = false;
  let double = false;
  let back = false;
  let plain = true;
  for (let i = 0; i < text.length; i++) {
    const code = charCode(text, i);
    if (code === 39) single = true;
    else if (code === 34) double = true;
    else if (code === 96 || (code === 36 && charCode(text, i + 1) === 123)) back = true;
    else if (code < 32 || code === 92 || (code >= 127 && code < 160) || (code >= 0xd800 && code < 0xe000)) plain = false;
  }
  const quote = !single ? "'" : !double ? '"' : !back ? '`' : "'";
  if (plain && !(single && quote === "'")) return quote + text + quote;
  let done = quote;
  for (let i = 0; i < text.length; i++) {
    const code = charCode(text, i);
    if (code === 39 && quote === "'") done += "\\'";
    else if (NAMED[code] !== undefined) done += NAMED[code];
    else if (code < 32 || (code >= 127 && code < 160)) done += `\\x${code < 16 ? '0' : ''}${hex(code)}`;
    else if (code >= 0xd800 && code < 0xdc00 && charCode(text, i + 1) >= 0xdc00 && charCode(text, i + 1) < 0xe000) {
      done += text[i] + text[i + 1];
      i++;
    } else if (code >= 0xd800 && code < 0xe000) done += `\\u${code.toString(16)}`;
    else done += text[i];
  }
  return done + quote;
}

const DIGITS = '0123456789ABCDEF';

function hex(code) {
  let text = '';
  for (; code > 0; code = floor(code / 16)) text = DIGITS[code % 16] + text;
  return text === '' ? '0' : text;
}

/** One entry a line. */
export function blocked(ctx, output, open, close) {
  const line = `\n${repeat(' ', ctx.indentation)}`;
  return `${open}${line}  ${join(output, `,${line}  `)}${line}${close}`;
}

/** Entries of a list in columns, when they are short and many; numbers to the right. */
export function grouped(ctx, output, values, allNumbers) {
  let total = 0;
  let longest = 0;
  const isCut = ctx.maxArrayLength < output.length;
  const length = isCut ? output.length - 1 : output.length;
  for (let i = 0; i < length; i++) {
    total += output[i].length + 2;
    if (output[i].length > longest) longest = output[i].length;
  }
  const widest = longest + 2;
  if (!(widest * 3 + ctx.indentation < ctx.breakLength && (total / widest > 5 || longest <= 6))) return output;
  const biased = max(widest - 3 - sqrt(widest - total / output.length), 1);
  const columns = min(
    min(round(sqrt(2.5 * biased * length) / biased), floor((ctx.breakLength - ctx.indentation) / widest)),
    min(ctx.compact * 4, 15),
  );
  if (columns <= 1) return output;
  const widths = [];
  for (let i = 0; i < columns; i++) {
    let width = 0;
    for (let j = i; j < length; j += columns) if (output[j].length > width) width = output[j].length;
    push(widths, width + 2);
  }
  let isRight = allNumbers;
  if (values !== undefined) {
    isRight = true;
    for (let i = 0; i < output.length && isRight; i++) isRight = typeof values[i] === 'number' || typeof values[i] === 'bigint';
  }
  const rows = [];
  for (let i = 0; i < length; i += columns) {
    const end = min(i + columns, length);
    let text = '';
    for (let j = i; j < end; j++) {
      const last = j === end - 1;
      const entry = last ? output[j] : `${output[j]}, `;
      const space = widths[j - i] - (last ? 2 : 0) - entry.length;
      const pad = space > 0 ? repeat(' ', space) : '';
      text += isRight ? pad + entry : last ? entry : entry + pad;
    }
    push(rows, text);
  }
  if (isCut) push(rows, output[length]);
  return rows;
}
