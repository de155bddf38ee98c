// What `files` and `stdin` ask of WASI, by the bindings of componentize-js.

import { getStdin } from 'wasi:cli/stdin@0.2.10';
import { getDirectories } from 'wasi:filesystem/preopens@0.2.10';

const PIECE = 1 << 20;

/** By the names of WASI's `error-code`. */
const CODES = {
  __proto__: null,
  access: 'EACCES',
  'bad-descriptor': 'EBADF',
  busy: 'EBUSY',
  'cross-device': 'EXDEV',
  exist: 'EEXIST',
  'file-too-large': 'EFBIG',
  'illegal-byte-sequence': 'EILSEQ',
  'insufficient-space': 'ENOSPC',
  invalid: 'EINVAL',
  'is-directory': 'EISDIR',
  loop: 'ELOOP',
  'name-too-long': 'ENAMETOOLONG',
  'no-entry': 'ENOENT',
  'not-directory': 'ENOTDIR',
  'not-empty': 'ENOTEMPTY',
  'not-permitted': 'EPERM',
  quota: 'EDQUOT',
  'read-only': 'EROFS',
  unsupported: 'ENOTSUP',
};

/** What fails raises the name of the error, as a value. */
function asked(ask) {
  try {
    return ask();
  } catch (error) {
    if (typeof error?.payload !== 'string') throw error;
    throw { __proto__: null, refusal: CODES[error.payload] ?? 'EIO' };
  }
}

/** The mounts: [{handle, path}]. */
export function mounts() {
  return getDirectories().map(([handle, path]) => ({ __proto__: null, handle, path }));
}

function opened(directory, path, openFlags, flags, use) {
  return asked(() => {
    const file = directory.openAt({ symlinkFollow: true }, path, openFlags, flags);
    try {
      return use(file);
    } finally {
      file[Symbol.dispose]?.();
    }
  });
}

/** All bytes of a file, as parts. */
export function read(directory, path) {
  return opened(directory, path, {}, { read: true }, (file) => {
    const parts = [];
    let offset = 0;
    for (;;) {
      const [bytes, end] = file.read(BigInt(PIECE), BigInt(offset));
      if (bytes.byteLength > 0) parts.push(new Uint8Array(bytes));
      offset += bytes.byteLength;
      if (end || bytes.byteLength === 0) return parts;
    }
  });
}

/** Other hosts have no call that writes a whole file. */
export function put() {
  return false;
}

const encoder = new TextEncoder();

/** Writes a text, or bytes: in place of what was there, or behind it. */
export function write(directory, path, content, appends) {
  const bytes = typeof content === 'string' ? encoder.encode(content) : content;
  opened(directory, path, { create: true, truncate: !appends }, { write: true }, (file) => {
    let offset = appends ? stat(directory, path).size : 0;
    for (let from = 0; from < bytes.byteLength; ) {
      const count = Number(file.write(bytes.slice(from, from + PIECE), BigInt(offset)));
      from += count;
      offset += count;
    }
  });
}

/** {type, size, modified}: `modified` in milliseconds, or undefined. */
export function stat(directory, path) {
  return status(directory, path, true);
}

/** The same of a symbolic link itself. */
export function linkStat(directory, path) {
  return status(directory, path, false);
}

function status(directory, path, symlinkFollow) {
  const { type, size, dataModificationTimestamp: at } = asked(() => directory.statAt({ symlinkFollow }, path));
  const found = { __proto__: null, type: kind(type), size: Number(size) };
  if (at !== undefined) found.modified = Number(at.seconds) * 1000 + at.nanoseconds / 1e6;
  return found;
}

/** WASI knows no permission bits. */
export function setMode() {
  throw { __proto__: null, refusal: 'ENOTSUP' };
}

/** [{name, type}] of a directory, in its order. */
export function list(directory, path) {
  return opened(directory, path, { directory: true }, { read: true }, (folder) => {
    const entries = folder.readDirectory();
    const found = [];
    for (let entry; (entry = entries.readDirectoryEntry()) !== undefined; ) {
      found.push({ __proto__: null, name: entry.name, type: kind(entry.type) });
    }
    entries[Symbol.dispose]?.();
    return found;
  });
}

function kind(type) {
  return type === 'regular-file' ? 'file' : type;
}

export function makeDirectory(directory, path) {
  asked(() => directory.createDirectoryAt(path));
}

export function removeDirectory(directory, path) {
  asked(() => directory.removeDirectoryAt(path));
}

export function removeFile(directory, path) {
  asked(() => directory.unlinkFileAt(path));
}

export function rename(from, oldPath, to, newPath) {
  asked(() => from.renameAt(oldPath, to, newPath));
}

let stdin;

/** Some bytes of standard input, waiting for them; undefined at its end. */
export function readStdin() {
  stdin ??= getStdin();
  try {
    return stdin.blockingRead(65536n);
  } catch {
    return undefined;
  }
}
