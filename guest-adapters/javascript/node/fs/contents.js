// What is in files: the functions of `fs` that read and write it, and answer at once.

import { putAt } from '../../files.js';
import * as wasi from '../../wasi.js';
import { bytesOf } from '../../primordials.js';
import { asBuffer, decoded, encoded, encodingOf } from '../buffer.js';
import { outOfRange, wrongType, wrongValue } from '../errors.js';
import {
  absolute, at, close, constants, dataBytes, device, failure, fileOf, flagsOf, joinedBytes, modeOf, open, optionsOf, pathText,
  readRest, readSome, worded, writeSome,
} from './core.js';
import { statsOf } from './stats.js';

const { ArrayBuffer, Number, Uint8Array } = globalThis;

/** Whether an error comes of reading a directory. */
function isFolder(error, path) {
  if (error?.code !== 'EBADF' && error?.code !== 'EISDIR') return false;
  return at(path, 'open', wasi.stat).type === 'directory';
}

export function needEncoding(encoding) {
  if (encoding !== undefined && encoding !== null && encoding !== 'buffer' && encodingOf(encoding) === undefined) {
    throw wrongValue('encoding', encoding, 'is invalid encoding');
  }
}

/** Bytes as what was asked for: a text, or a Buffer. */
function shaped(bytes, encoding) {
  if (encoding === undefined || encoding === null || encoding === 'buffer') return asBuffer(bytes);
  return decoded(bytes, encoding);
}

function readFileSync(path, options) {
  const { encoding, flag } = optionsOf(options, { flag: 'r' });
  needEncoding(encoding);
  if (typeof path === 'number') return shaped(readRest(path), encoding);
  const name = pathText(path);
  const standard = device(absolute(name));
  if (standard !== undefined) return shaped(standard === 0 ? readRest(0) : new Uint8Array(0), encoding);
  if (flag !== 'r') {
    const fd = openSync(path, flag);
    try {
      return shaped(readRest(fd), encoding);
    } finally {
      close(fd);
    }
  }
  let parts;
  try {
    parts = at(name, 'open', wasi.read);
  } catch (error) {
    throw isFolder(error, name) ? failure('EISDIR', 'read') : error;
  }
  return shaped(joinedBytes(parts), encoding);
}

function writeFileSync(path, data, options) {
  const { encoding, flag, mode } = optionsOf(options, { encoding: 'utf8', mode: 0o666, flag: 'w' });
  needEncoding(encoding);
  const bytes = dataBytes(data, encoding);
  if (typeof path === 'number') {
    writeSome(path, bytes);
    return;
  }
  const text = pathText(path);
  if (flag === 'w' && mode === 0o666 && putAt(text, bytes)) return;
  const fd = openSync(text, flag, mode);
  try {
    writeSome(fd, bytes);
  } finally {
    if (fd > 2) close(fd);
  }
}

function appendFileSync(path, data, options) {
  writeFileSync(path, data, optionsOf(options, { encoding: 'utf8', mode: 0o666, flag: 'a' }));
}

function openSync(path, flags, mode) {
  return open(pathText(path), flagsOf(flags), modeOf(mode, 0o666));
}

function closeSync(fd) {
  close(fd);
}

function positionOf(value) {
  if (value === undefined || value === null || value === -1 || value === -1n) return undefined;
  const position = Number(value);
  if (!Number.isInteger(position)) throw outOfRange('position', 'an integer', value);
  if (position < 0) throw outOfRange('position', '>= -1 && <= 9007199254740991', value);
  return position;
}

function readSync(fd, buffer, offsetOrOptions, length, position) {
  let offset = offsetOrOptions;
  if (!ArrayBuffer.isView(buffer)) throw wrongType('buffer', 'an instance of Buffer, TypedArray, or DataView', buffer);
  if (offset !== null && typeof offset === 'object') ({ offset = 0, length = buffer.byteLength - offset, position = null } = offset);
  const target = bytesOf(buffer);
  offset ??= 0;
  length ??= target.byteLength - offset;
  if (length === 0) return 0;
  if (target.byteLength === 0) throw wrongValue('buffer', buffer, 'is empty and cannot be written');
  if (offset < 0 || offset > target.byteLength) throw outOfRange('offset', `>= 0 && <= ${target.byteLength}`, offset);
  if (length < 0 || length > target.byteLength - offset) throw outOfRange('length', length < 0 ? '>= 0' : `<= ${target.byteLength - offset}`, length);
  const bytes = readSome(fd, length, positionOf(position));
  target.set(bytes, offset);
  return bytes.length;
}

function readvSync(fd, buffers, position) {
  let total = 0;
  let from = positionOf(position);
  for (const buffer of buffers) {
    const count = readSync(fd, buffer, 0, buffer.byteLength, from);
    total += count;
    if (from !== undefined) from += count;
    if (count < buffer.byteLength) break;
  }
  return total;
}

function writeSync(fd, data, offsetOrPosition, lengthOrEncoding, position) {
  if (typeof data === 'string') {
    const bytes = encoded(data, typeof lengthOrEncoding === 'string' ? lengthOrEncoding : 'utf8');
    writeSome(fd, bytes, positionOf(offsetOrPosition));
    return bytes.length;
  }
  const bytes = dataBytes(data);
  let [offset, length] = [offsetOrPosition, lengthOrEncoding];
  if (offset !== null && typeof offset === 'object') ({ offset, length, position } = offset);
  offset ??= 0;
  length ??= bytes.length - offset;
  if (offset < 0 || offset > bytes.length) throw outOfRange('offset', `>= 0 && <= ${bytes.length}`, offset);
  if (length < 0 || length > bytes.length - offset) throw outOfRange('length', length < 0 ? '>= 0' : `<= ${bytes.length - offset}`, length);
  writeSome(fd, bytes.subarray(offset, offset + length), positionOf(position));
  return length;
}

function writevSync(fd, buffers, position) {
  let from = positionOf(position);
  let total = 0;
  for (const buffer of buffers) {
    const bytes = bytesOf(buffer);
    writeSome(fd, bytes, from);
    total += bytes.length;
    if (from !== undefined) from += bytes.length;
  }
  return total;
}

function truncateSync(path, length = 0) {
  if (typeof path === 'number') {
    ftruncateSync(path, length);
    return;
  }
  const fd = open(pathText(path), constants.O_RDWR);
  try {
    ftruncateSync(fd, length);
  } finally {
    close(fd);
  }
}

function ftruncateSync(fd, length = 0) {
  const open = fileOf(fd, 'ftruncate');
  if (open.file === undefined) throw failure('EINVAL', 'ftruncate');
  try {
    wasi.setSize(open.file, length < 0 ? 0 : length);
  } catch (failed) {
    throw worded(failed, 'ftruncate');
  }
}

function fstatSync(fd, { bigint = false } = {}) {
  const file = fileOf(fd, 'fstat');
  if (file.file === undefined) {
    return statsOf({ type: file.standard === undefined ? 'character-device' : 'fifo', links: 1, size: 0, mode: 0o600 }, `${file.path}`, bigint);
  }
  try {
    return statsOf(wasi.openStat(file.file), absolute(file.path), bigint);
  } catch (failed) {
    throw worded(failed, 'fstat');
  }
}

function fsyncSync(fd) {
  fileOf(fd, 'fsync');
}
function fdatasyncSync(fd) {
  fileOf(fd, 'fdatasync');
}

export const contents = {
  appendFileSync, closeSync, fdatasyncSync, fstatSync, fsyncSync, ftruncateSync, openSync, readFileSync, readSync, readvSync,
  truncateSync, writeFileSync, writeSync, writevSync,
};
