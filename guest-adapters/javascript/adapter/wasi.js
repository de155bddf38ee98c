// The calls of WASI that `files` and `stdin` need, by the canonical ABI: a result is a block
// whose first byte says whether it failed. Blocks, and lists in them, are ours to free.

import { core } from './taken.js';
import { TheBigInt, TheNumber, TheUint8Array, apply, create, floor, min, push } from './primordials.js';

const { imported, lowered, loweredBytes, release, bytesAt, textAt } = core;
const types = (name) => imported(`wasi:filesystem/types@0.2.10 ${name}`);

let seen = imported('wxmcp:guest/modes@0.1.0 seen');
const change = imported('wxmcp:guest/modes@0.1.0 change');
const allows = imported('wxmcp:guest/modes@0.1.0 allows');
const next = imported('wxmcp:guest/modes@0.1.0 next');
const umask = imported('wxmcp:guest/modes@0.1.0 umask');

let writeWhole = imported('wxmcp:guest/files@0.1.0 write');
let getDirectories = imported('wasi:filesystem/preopens@0.2.10 get-directories');
let openAt = types('[method]descriptor.open-at');
let readAt = types('[method]descriptor.read');
let writeAt = types('[method]descriptor.write');
let statAt = types('[method]descriptor.stat-at');
const statOf = types('[method]descriptor.stat');
const setSizeOf = types('[method]descriptor.set-size');
const setTimesAt = types('[method]descriptor.set-times-at');
const linkAt = types('[method]descriptor.link-at');
const readlinkAt = types('[method]descriptor.readlink-at');
const symlinkAt = types('[method]descriptor.symlink-at');
const createDirectoryAt = types('[method]descriptor.create-directory-at');
const removeDirectoryAt = types('[method]descriptor.remove-directory-at');
const unlinkFileAt = types('[method]descriptor.unlink-file-at');
const renameAt = types('[method]descriptor.rename-at');
const readDirectory = types('[method]descriptor.read-directory');
const readDirectoryEntry = types('[method]directory-entry-stream.read-directory-entry');
let dropDescriptor = types('[resource-drop]descriptor');
const dropEntries = types('[resource-drop]directory-entry-stream');
const getStdin = imported('wasi:cli/stdin@0.2.10 get-stdin');
const blockingRead = imported('wasi:io/streams@0.2.10 [method]input-stream.blocking-read');
const dropError = imported('wasi:io/error@0.2.10 [resource-drop]error');

/**
 * For the warm-up: puts functions of a file system that is not there in place of WASI's, and answers what puts those back.
 * A result is zeros, so it has succeeded, but for what is set in it.
 */
export function rehearse() {
  const block = (set) => {
    const at = loweredBytes(new Uint8Array(RESULT));
    set?.(core.words(at + RESULT), at >> 2);
    return at;
  };
  const real = [writeWhole, getDirectories, openAt, readAt, writeAt, statAt, dropDescriptor, seen];
  getDirectories = () => {
    const name = lowered('/');
    const list = block((words, at) => {
      words[at + 1] = name;
      words[at + 2] = 1;
    });
    return block((words, at) => {
      words[at] = list;
      words[at + 1] = 1;
    });
  };
  // Every other time the long way is gone, too.
  let turn = 0;
  writeWhole = () => (turn++ & 1) | 0;
  openAt = () => block();
  readAt = () => block((words, at) => {
    words[at + 1] = loweredBytes(new Uint8Array(1));
    words[at + 2] = 1;
    words[at + 3] = 1;
  });
  writeAt = (file, from, length) => block((words, at) => {
    words[at + 2] = length;
  });
  statAt = () => block();
  dropDescriptor = () => {};
  seen = () => 0o644;
  return () => {
    [writeWhole, getDirectories, openAt, readAt, writeAt, statAt, dropDescriptor, seen] = real;
  };
}

const READ = 1;
const WRITE = 2;
const CREATE = 1;
const DIRECTORY = 2;
const EXCLUSIVE = 4;
const TRUNCATE = 8;
const FOLLOW = 1;

const PIECE = 1 << 20;

/** In the order of WASI's `error-code`. */
const CODES =
  'EACCES EAGAIN EALREADY EBADF EBUSY EDEADLK EDQUOT EEXIST EFBIG EILSEQ EINPROGRESS EINTR EINVAL EIO EISDIR ELOOP ' +
  'EMLINK EMSGSIZE ENAMETOOLONG ENODEV ENOENT ENOLCK ENOMEM ENOSPC ENOTDIR ENOTEMPTY ENOTRECOVERABLE ENOTSUP ENOTTY ' +
  'ENXIO EOVERFLOW EPERM EPIPE EROFS ESPIPE ETXTBSY EXDEV';
const codes = CODES.split(' ');

/** In the order of WASI's `descriptor-type`. */
const kinds = ['unknown', 'block-device', 'character-device', 'directory', 'fifo', 'symbolic-link', 'file', 'socket'];

/** Raised, as a value, by all functions here: the name of the error. */
function refused(code) {
  return { __proto__: null, refusal: codes[code] ?? 'EIO' };
}

/** Bytes of the largest block that a result is in. */
const RESULT = 104;

/** Reads a result whose error is at `error`; `take(words, place)` reads what it holds otherwise, from the block's first word on. */
function result(at, error, take) {
  const block = at >>> 0;
  try {
    const words = core.words(block + RESULT);
    if ((words[block >>> 2] & 255) !== 0) throw refused(byteAt(words, block + error));
    return take === undefined ? undefined : take(words, block >>> 2);
  } finally {
    release(block);
  }
}

function byteAt(words, at) {
  return (words[at >>> 2] >>> ((at & 3) << 3)) & 255;
}

function withPath(path, use) {
  const at = lowered(path);
  const length = core.written();
  try {
    return use(at | 0, length | 0);
  } finally {
    release(at);
  }
}

const handle = (words, at) => words[at + 1] | 0;
const long = (words, at) => words[at] + words[at + 1] * 0x100000000;

const SLASH = 47;

/** The mounts: [{handle, path}]. */
export function mounts() {
  const block = getDirectories() >>> 0;
  let words = core.words(block + 8);
  const base = words[block >>> 2];
  const count = words[(block >>> 2) + 1];
  const found = [];
  for (let i = 0; i < count; i++) {
    words = core.words(base + 12 * count);
    const at = (base >>> 2) + 3 * i;
    const handle = words[at] | 0;
    const name = words[at + 1];
    const length = words[at + 2];
    const path = length === 1 && byteAt(core.words(name + 1), name) === SLASH ? '/' : textAt(name, length);
    push(found, { __proto__: null, handle, path });
    release(name);
  }
  release(base);
  release(block);
  return found;
}

function opened(directory, path, create, flags, use) {
  const file = withPath(path, (at, length) =>
    result(openAt(directory, FOLLOW, at, length, create, flags), 4, handle),
  );
  try {
    return use(file);
  } finally {
    dropDescriptor(file);
  }
}

/** All bytes of a file, as parts. */
export function read(directory, path) {
  return opened(directory, path, 0, READ, (file) => {
    const parts = [];
    let offset = 0;
    for (;;) {
      const { bytes, end } = result(readAt(file, TheBigInt(PIECE), TheBigInt(offset)), 4, (words, at) => {
        const isEnd = (words[at + 3] & 255) !== 0;
        return { bytes: taken(words, at), end: isEnd };
      });
      if (bytes.byteLength > 0) push(parts, bytes);
      offset += bytes.byteLength;
      if (end || bytes.byteLength === 0) return parts;
    }
  });
}

/** At most so many bytes of a file, from an offset. */
export function readSome(directory, path, length, offset) {
  return opened(directory, path, 0, READ, (file) => readPart(file, length, offset));
}

/** A copy of the bytes that a result holds; what held them is free. */
function taken(words, at) {
  const from = words[at + 1];
  const copy = bytesAt(from, words[at + 2]);
  release(from);
  return copy;
}

/** Writes a text, or bytes, to an absolute path in place of what was there; false where `write` is to do it, and says why it cannot. */
export function put(path, content) {
  const isText = typeof content === 'string';
  if ((isText ? content.length : content.byteLength) > SHORT) return false;
  const at = lowered(path);
  const length = core.written();
  const from = isText ? lowered(content) : loweredBytes(content);
  const size = isText ? core.written() : content.byteLength;
  const isDone = writeWhole(at | 0, length | 0, from | 0, size | 0);
  release(from);
  release(at);
  return isDone !== 0;
}
const SHORT = PIECE / 4;

/** Writes a text, or bytes: in place of what was there, or behind it. */
export function write(directory, path, content, appends) {
  const file = withPath(path, (at, length) =>
    result(openAt(directory, FOLLOW, at, length, appends ? CREATE : CREATE | TRUNCATE, WRITE), 4, handle),
  );
  try {
    let offset = appends ? stat(directory, path).size : 0;
    if (typeof content === 'string') {
      if (content === '') return;
      const at = lowered(content);
      try {
        writeFrom(file, at, core.written(), offset);
      } finally {
        release(at);
      }
      return;
    }
    const { byteLength } = content;
    for (let from = 0; from < byteLength; from += PIECE, offset += PIECE) {
      const part = byteLength <= PIECE ? content : apply(partOf, content, [from, from + PIECE]);
      const at = loweredBytes(part);
      try {
        writeFrom(file, at, part.byteLength, offset);
      } finally {
        release(at);
      }
    }
  } finally {
    dropDescriptor(file);
  }
}

/** Writes what is in memory. */
function writeFrom(file, at, length, offset) {
  for (let from = 0; from < length; ) {
    const left = length - from;
    const place = offset + from;
    from += result(writeAt(file, (at + from) | 0, (left < PIECE ? left : PIECE) | 0, place === 0 ? ZERO : TheBigInt(place)), 8, count);
  }
}
const ZERO = 0n;
const count = (words, at) => long(words, at + 2);

/** {type, size, modified}: `modified` in milliseconds, or undefined. */
export function stat(directory, path) {
  return status(directory, path, FOLLOW);
}

/** The same of a symbolic link itself. */
export function linkStat(directory, path) {
  return status(directory, path, 0);
}

function status(directory, path, flags) {
  const found = withPath(path, (at, length) => result(statAt(directory, flags, at, length), 8, described));
  found.mode = seen();
  return found;
}

function described(words, at) {
  const found = create(null);
  found.type = kinds[words[at + 2] & 255] ?? 'unknown';
  found.links = long(words, at + 4);
  found.size = long(words, at + 6);
  found.accessed = moment(words, at + 8);
  found.modified = moment(words, at + 14);
  found.changed = moment(words, at + 20);
  return found;
}

function moment(words, at) {
  if ((words[at] & 255) === 0) return undefined;
  return long(words, at + 2) * 1000 + words[at + 4] / 1e6;
}

/** Refuses what wxmcp's own user may not do: 4 reads, 2 writes, 1 executes. */
export function demand(directory, path, wish) {
  stat(directory, path); // `allows` is about what was asked last
  const failed = allows(wish | 0);
  if (failed !== 0) throw refused(failed - 1);
}

/** The permission bits of what `open`, `write` or `makeDirectory` makes next. */
export function nextMode(mode) {
  next(mode | 0);
}

/** Opens a file for as long as `close` was not called; answers its handle. */
export function open(directory, path, { reads, writes, creates, exclusive, truncates, folder }) {
  const how = (creates ? CREATE : 0) | (exclusive ? EXCLUSIVE : 0) | (truncates ? TRUNCATE : 0) | (folder ? DIRECTORY : 0);
  const flags = (reads ? READ : 0) | (writes ? WRITE : 0);
  return withPath(path, (at, length) => result(openAt(directory, FOLLOW, at, length, how, flags), 4, handle));
}

export function close(file) {
  dropDescriptor(file);
}

/** At most so many bytes of an open file; none at its end. */
export function readPart(file, length, offset) {
  return result(readAt(file, TheBigInt(min(length, PIECE)), TheBigInt(offset)), 4, taken);
}

/** Writes bytes to an open file; all of them. */
export function writePart(file, bytes, offset) {
  for (let from = 0; from < bytes.byteLength; from += PIECE) {
    const part = apply(partOf, bytes, [from, from + PIECE]);
    const at = loweredBytes(part);
    try {
      writeFrom(file, at, part.byteLength, offset + from);
    } finally {
      release(at);
    }
  }
}
const partOf = TheUint8Array.prototype.subarray;

/** The status of an open file. */
export function openStat(file) {
  const found = result(statOf(file), 8, described);
  found.mode = seen();
  return found;
}

export function setSize(file, size) {
  result(setSizeOf(file, TheBigInt(size)), 1);
}

/** Sets when a file was read and changed, in milliseconds. */
export function setTimes(directory, path, accessed, modified, follow) {
  const seconds = (ms) => TheBigInt(floor(ms / 1000));
  const rest = (ms) => floor((ms - floor(ms / 1000) * 1000) * 1e6) | 0;
  withPath(path, (at, length) =>
    result(
      setTimesAt(directory, follow ? FOLLOW : 0, at, length, 2, seconds(accessed), rest(accessed), 2, seconds(modified), rest(modified)),
      1,
    ),
  );
}

/** Where a symbolic link leads. */
export function readLink(directory, path) {
  return withPath(path, (at, length) =>
    result(readlinkAt(directory, at, length), 4, (words, place) => {
      const name = words[place + 1];
      const text = textAt(name, words[place + 2]);
      release(name);
      return text;
    }),
  );
}

export function makeLink(directory, path, target) {
  withPath(target, (at, length) =>
    withPath(path, (newAt, newLength) => result(symlinkAt(directory, at, length, newAt, newLength), 1)),
  );
}

/** Gives a file a second name. */
export function addName(from, oldPath, to, newPath) {
  withPath(oldPath, (at, length) =>
    withPath(newPath, (newAt, newLength) => result(linkAt(from, 0, at, length, to, newAt, newLength), 1)),
  );
}

/** Sets the permission bits of a file or directory. */
export function setMode(directory, path, mode) {
  stat(directory, path); // `change` is about what was asked last
  const failed = change(mode);
  if (failed !== 0) throw refused(failed - 1);
}

/** Bits that nothing is made with from now on. */
export function setMask(mask) {
  umask(mask | 0);
}

/** [{name, type}] of a directory, in its order. */
export function list(directory, path) {
  return opened(directory, path, DIRECTORY, READ, (folder) => {
    const entries = result(readDirectory(folder), 4, handle);
    const found = [];
    try {
      while (result(readDirectoryEntry(entries), 4, (words, at) => entry(words, at, found)));
    } finally {
      dropEntries(entries);
    }
    return found;
  });
}

function entry(words, at, found) {
  if ((words[at + 1] & 255) === 0) return false;
  const name = words[at + 3];
  const type = kinds[words[at + 2] & 255] ?? 'unknown';
  push(found, { __proto__: null, name: textAt(name, words[at + 4]), type });
  release(name);
  return true;
}

export function makeDirectory(directory, path) {
  withPath(path, (at, length) => result(createDirectoryAt(directory, at, length), 1));
}

export function removeDirectory(directory, path) {
  withPath(path, (at, length) => result(removeDirectoryAt(directory, at, length), 1));
}

export function removeFile(directory, path) {
  withPath(path, (at, length) => result(unlinkFileAt(directory, at, length), 1));
}

export function rename(from, oldPath, to, newPath) {
  withPath(oldPath, (at, length) =>
    withPath(newPath, (newAt, newLength) => result(renameAt(from, at, length, to, newAt, newLength), 1)),
  );
}

let stdin;

/** Some bytes of standard input, waiting for them; undefined at its end. */
export function readStdin() {
  stdin ??= getStdin();
  const block = blockingRead(stdin, TheBigInt(65536)) >>> 0;
  const words = core.words(block + 16);
  const at = block >>> 2;
  try {
    if ((words[at] & 255) !== 0) {
      if ((words[at + 1] & 255) === 0) dropError(words[at + 2] | 0);
      return undefined;
    }
    return taken(words, at);
  } finally {
    release(block);
  }
}
