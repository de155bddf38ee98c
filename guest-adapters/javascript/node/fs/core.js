// Paths, errors and open files of `fs`, over the calls of WASI.

import { MESSAGES, hasRoot, placed, reason, roots } from '../../files.js';
import * as where from '../../place.js';
import { STDERR, STDOUT, print } from '../../seam.js';
import * as wasi from '../../wasi.js';
import { TheError, TheMap, TheUint8Array, mapDelete, mapGet, mapSet } from '../../primordials.js';
import { bytesFrom, decoded } from '../buffer.js';
import { errnoOf, note, outOfRange, withProperties, wrongType, wrongValue } from '../errors.js';
import { pathOfUrl } from '../url_paths.js';

const { Number, TextDecoder, URL } = globalThis;

export const constants = {
  UV_FS_SYMLINK_DIR: 1, UV_FS_SYMLINK_JUNCTION: 2, O_RDONLY: 0, O_WRONLY: 1, O_RDWR: 2, UV_DIRENT_UNKNOWN: 0,
  UV_DIRENT_FILE: 1, UV_DIRENT_DIR: 2, UV_DIRENT_LINK: 3, UV_DIRENT_FIFO: 4, UV_DIRENT_SOCKET: 5, UV_DIRENT_CHAR: 6,
  UV_DIRENT_BLOCK: 7, S_IFMT: 61440, S_IFREG: 32768, S_IFDIR: 16384, S_IFCHR: 8192, S_IFBLK: 24576, S_IFIFO: 4096,
  S_IFLNK: 40960, S_IFSOCK: 49152, O_CREAT: 64, O_EXCL: 128, UV_FS_O_FILEMAP: 0, O_NOCTTY: 256, O_TRUNC: 512,
  O_APPEND: 1024, O_DIRECTORY: 65536, O_NOATIME: 262144, O_NOFOLLOW: 131072, O_SYNC: 1052672, O_DSYNC: 4096,
  O_DIRECT: 16384, O_NONBLOCK: 2048, S_IRWXU: 448, S_IRUSR: 256, S_IWUSR: 128, S_IXUSR: 64, S_IRWXG: 56, S_IRGRP: 32,
  S_IWGRP: 16, S_IXGRP: 8, S_IRWXO: 7, S_IROTH: 4, S_IWOTH: 2, S_IXOTH: 1, F_OK: 0, R_OK: 4, W_OK: 2, X_OK: 1,
  UV_FS_COPYFILE_EXCL: 1, COPYFILE_EXCL: 1, UV_FS_COPYFILE_FICLONE: 2, COPYFILE_FICLONE: 2,
  UV_FS_COPYFILE_FICLONE_FORCE: 4, COPYFILE_FICLONE_FORCE: 4,
};

/** What a script gave as a path, as text: a string, bytes, or a `file:` URL. */
export function pathText(value, name = 'path') {
  let text;
  if (typeof value === 'string') text = value;
  else if (value instanceof URL) text = pathOfUrl(value);
  else if (value instanceof TheUint8Array) text = decoded(value);
  else throw wrongType(name, 'of type string or an instance of Buffer or URL', value);
  if (text.includes('\0')) throw wrongValue(name, text, 'must be a string, Uint8Array, or URL without null bytes');
  return text;
}

/** The absolute path; `.` and `..` stay. */
export function absolute(text) {
  return text === '' ? '' : where.absolute(text);
}

/** An error as libuv words it. */
export function failure(code, syscall, path, dest, reads = false) {
  let text = `${code}: ${MESSAGES[code] ?? OTHERS[code] ?? 'i/o error'}, ${syscall}`;
  if (path !== undefined) text += ` '${path}'`;
  if (dest !== undefined) text += ` -> '${dest}'`;
  const error = withProperties(new TheError(text), { errno: errnoOf(code) ?? -5, code, syscall, path, dest });
  const why =
    (path === undefined ? '' : reason(code, absolute(path), reads)) || (dest === undefined ? '' : reason(code, absolute(dest), reads));
  if (why !== '') note(error, why);
  return error;
}

const OTHERS = {
  __proto__: null,
  EBADF: 'bad file descriptor',
  EFBIG: 'file too large',
  EIO: 'i/o error',
  ESPIPE: 'invalid seek',
  EDQUOT: 'disk quota exceeded',
  EMFILE: 'too many open files',
  ENOMEM: 'not enough memory',
};

/** Where a path is: the handle of its mount, and the path below it. */
export function place(path, syscall, dest, isDest = false) {
  try {
    return placed(absolute(isDest ? dest : path), syscall);
  } catch (error) {
    if (error?.code === undefined) throw error;
    throw failure(error.code, syscall, path, dest);
  }
}

const READS = [wasi.read, wasi.stat, wasi.linkStat, wasi.list, wasi.readLink];

/** Does `act(directory, path, ..)` with a path, and words what WASI refuses. */
export function at(path, syscall, act, ...rest) {
  const { directory, path: below } = place(path, syscall);
  try {
    return act(directory, below, ...rest);
  } catch (failed) {
    throw worded(failed, syscall, path, undefined, READS.includes(act));
  }
}

export function worded(failed, syscall, path, dest, reads) {
  if (failed?.refusal === undefined) return failed;
  return failure(failed.refusal, syscall, path, dest, reads);
}

/** [{name, type}] of a directory, by name. */
export function listed(path) {
  const entries = /^\/+$/.test(absolute(path)) && !hasRoot() ? roots() : at(path, 'scandir', wasi.list);
  return entries.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** A mode as a number: `0o644`, `'644'`. */
export function modeOf(value, otherwise, name = 'mode') {
  if (value === undefined || value === null) return otherwise;
  if (typeof value === 'string') {
    if (!/^[0-7]+$/.test(value)) throw wrongValue(name, value, 'must be a 32-bit unsigned integer or an octal string');
    return Number.parseInt(value, 8);
  }
  if (typeof value !== 'number') throw wrongType(name, 'of type number', value);
  if (!(Number.isInteger(value) && value >= 0 && value < 2 ** 32)) throw outOfRange(name, '>= 0 && <= 4294967295', value);
  return value;
}

const FLAGS = {
  __proto__: null,
  r: 0, rs: 0, sr: 0, 'r+': 2, 'rs+': 2, 'sr+': 2, w: 577, wx: 705, xw: 705, 'w+': 578, 'wx+': 706, 'xw+': 706,
  a: 1089, ax: 1217, xa: 1217, as: 1089, sa: 1089, 'a+': 1090, 'ax+': 1218, 'xa+': 1218, 'as+': 1090, 'sa+': 1090,
};

/** Flags of `open` as a number. */
export function flagsOf(flags, otherwise = 'r') {
  if (flags === undefined || flags === null) flags = otherwise;
  if (typeof flags === 'number') return flags;
  const found = FLAGS[flags];
  if (found === undefined) throw wrongValue('flags', flags);
  return found;
}

const opened = new TheMap();
let numbers = 3;

/** What standard streams are as files. */
const DEVICES = { __proto__: null, '/dev/stdin': 0, '/dev/stdout': 1, '/dev/stderr': 2, '/dev/fd/0': 0, '/dev/fd/1': 1, '/dev/fd/2': 2, '/dev/null': -1 };

/** The number of a standard stream, -1 for `/dev/null`; undefined for any other path. */
export function device(path) {
  return DEVICES[path];
}

/** Opens a file; answers its number. */
export function open(path, flags, mode) {
  const standard = device(absolute(path));
  if (standard !== undefined) {
    if (standard >= 0) return standard;
    mapSet(opened, numbers, { __proto__: null, file: undefined, path, position: 0, flags });
    return numbers++;
  }
  const access = flags & 3;
  const creates = (flags & constants.O_CREAT) !== 0;
  if (creates && mode !== undefined) wasi.nextMode(mode & 0o7777);
  let file = at(path, 'open', wasi.open, {
    reads: access !== constants.O_WRONLY,
    writes: access !== constants.O_RDONLY,
    creates,
    exclusive: (flags & constants.O_EXCL) !== 0,
    truncates: (flags & constants.O_TRUNC) !== 0,
    folder: (flags & constants.O_DIRECTORY) !== 0,
  });
  mapSet(opened, numbers, { __proto__: null, file, path, position: 0, flags });
  return numbers++;
}

/** The open file of a number. */
export function fileOf(fd, syscall) {
  if (typeof fd !== 'number') throw wrongType('fd', 'of type number', fd);
  if (!Number.isInteger(fd)) throw outOfRange('fd', 'an integer', fd);
  if (fd < 0 || fd > 2147483647) throw outOfRange('fd', '>= 0 && <= 2147483647', fd);
  const found = mapGet(opened, fd);
  if (found === undefined && fd > 2) throw failure('EBADF', syscall);
  return found ?? { __proto__: null, standard: fd, path: DEVICE_NAMES[fd], position: 0, flags: fd === 0 ? 0 : 1 };
}
const DEVICE_NAMES = ['/dev/stdin', '/dev/stdout', '/dev/stderr'];

export function close(fd) {
  const found = fileOf(fd, 'close');
  if (found.file !== undefined) wasi.close(found.file);
  mapDelete(opened, fd);
}

/** What came from standard input and was not read yet. */
let pending = new TheUint8Array(0);
let ended = false;

/** At most so many bytes of standard input, waiting for some; none at its end. */
export function stdinPart(length) {
  if (pending.length === 0 && !ended) {
    const more = wasi.readStdin();
    if (more === undefined) ended = true;
    else pending = more;
    if (!ended && pending.length === 0) return stdinPart(length);
  }
  const part = pending.subarray(0, length);
  pending = pending.subarray(part.length);
  return part;
}

/** At most so many bytes of an open file, from `position` or where it stands. */
export function readSome(fd, length, position) {
  const open = fileOf(fd, 'read');
  if (open.standard === 0) return stdinPart(length);
  if (open.standard !== undefined || (open.flags & 3) === constants.O_WRONLY) throw failure('EBADF', 'read');
  if (open.file === undefined) return new TheUint8Array(0);
  try {
    const bytes = wasi.readPart(open.file, length, position ?? open.position);
    if (position === undefined) open.position += bytes.length;
    return bytes;
  } catch (failed) {
    // WASI's word for a directory.
    throw failed?.refusal === 'EBADF' ? failure('EISDIR', 'read') : worded(failed, 'read');
  }
}

const decoders = new TheMap();

/** Writes all bytes to an open file, at `position` or where it stands. */
export function writeSome(fd, bytes, position) {
  const open = fileOf(fd, 'write');
  if (open.standard === 1 || open.standard === 2) {
    if (!decoders.has(fd)) decoders.set(fd, new TextDecoder());
    print(fd === 1 ? STDOUT : STDERR, decoders.get(fd).decode(bytes, { stream: true }));
    return;
  }
  if (open.standard === 0 || (open.flags & 3) === constants.O_RDONLY) throw failure('EBADF', 'write');
  if (open.file === undefined) return;
  try {
    const appends = (open.flags & constants.O_APPEND) !== 0;
    const from = appends ? wasi.openStat(open.file).size : (position ?? open.position);
    wasi.writePart(open.file, bytes, from);
    if (position === undefined || appends) open.position = from + bytes.byteLength;
  } catch (failed) {
    throw worded(failed, 'write');
  }
}

/** Parts as one array of bytes. */
export function joinedBytes(parts) {
  if (parts.length === 1) return parts[0];
  const all = new TheUint8Array(parts.reduce((size, part) => size + part.length, 0));
  let from = 0;
  for (const part of parts) {
    all.set(part, from);
    from += part.length;
  }
  return all;
}

/** All that is left of an open file. */
export function readRest(fd) {
  const parts = [];
  for (let part; (part = readSome(fd, 1 << 20)).length > 0; ) parts.push(part);
  return joinedBytes(parts);
}

/** The bytes that `writeFile` is to write. */
export function dataBytes(data, encoding) {
  return bytesFrom(data, encoding, 'data');
}

/** An encoding and other options, from what may be a text, an object or nothing. */
export function optionsOf(options, defaults) {
  if (options === null || options === undefined || typeof options === 'function') return defaults;
  if (typeof options === 'string') return { ...defaults, encoding: options };
  if (typeof options !== 'object') throw wrongType('options', 'one of type string or an instance of Object', options);
  return { ...defaults, ...options };
}


