// The global `files`: real files, below the mounts and in scratch only.

import { note } from './errors.js';
import { absolute, go } from './place.js';
import * as wasi from './wasi.js';
import {
  TheError,
  TheTypeError,
  TheUint8Array,
  apply,
  bytesOf,
  defineProperty,
  endsWith,
  freeze,
  indexOf,
  push,
  slice,
  startsWith,
} from './primordials.js';

// A mark at the beginning is a part of the text: it is written again with it.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const decode = decoder.decode.bind(decoder);
const setBytes = TheUint8Array.prototype.set;

const TheDate = Date;

export const MESSAGES = {
  __proto__: null,
  EACCES: 'permission denied',
  EBUSY: 'resource busy or locked',
  EEXIST: 'file already exists',
  ENAMETOOLONG: 'name too long',
  EISDIR: 'illegal operation on a directory',
  EINVAL: 'invalid argument',
  ELOOP: 'too many symbolic links encountered',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left on device',
  ENOTDIR: 'not a directory',
  ENOTEMPTY: 'directory not empty',
  ENOTSUP: 'operation not supported',
  EPERM: 'operation not permitted',
  EROFS: 'read-only file system',
  EXDEV: 'cross-device link not permitted',
};

/** What the host tells of the mounts: {path: 'ro' | 'rw' | 'scratch'}; undefined where nobody knows. */
let told;
let isToolFile = false;

const HOME = '/home/agent';
const OWN =
  `\`${HOME}\`, where relative paths begin, is the script's own and has nothing of the host; ` +
  '`-v DIR:/data` shows it a folder, and `--workdir /data` begins there';

/** A run begins. */
export function begin(script) {
  told = script.mounts;
  isToolFile = script.task !== undefined;
}

/** Why a path cannot be used, where the reason is in the mounts; '' if it is not. */
export function reason(code, path, reads) {
  if (told === undefined || (code !== 'ENOENT' && code !== 'EPERM' && code !== 'EROFS' && code !== 'EACCES')) return '';
  const parts = partsOf(absolute(path));
  const full = joined(parts);
  const mount = toldMount(full);
  if (mount === undefined) return unmounted(parts, full);
  if (code === 'ENOENT') return mount === HOME && told[mount] === 'scratch' ? OWN : '';
  if (code === 'EACCES') return `the folder is mounted at \`${mount}\`, but its owner on the host does not permit this`;
  if (reads) return `a link in this path leads out of the mount \`${mount}\``;
  return told[mount] === 'ro' ? `\`${mount}\` is mounted read-only; \`-v DIR:${mount}:rw\` would let the script write there` : '';
}

/** The innermost mount, scratch included, that a path is in. */
function toldMount(full) {
  let found;
  for (const path in told) {
    const inside = path === '/' || full === path || startsWith(full, `${path}/`);
    if (inside && (found === undefined || path.length > found.length)) found = path;
  }
  return found;
}

function unmounted(parts, full) {
  if (isToolFile) return "a tool file has no mounts; it reads and writes by `directory(..)` of 'wxmcp', granted as `files`";
  for (const path in told) {
    if (told[path] !== 'scratch' && startsWith(path, `${full === '/' ? '' : full}/`)) return '';
  }
  const above = parts.length > 1 ? joined(apply(sliceArray, parts, [0, -1])) : '/';
  const folder = parts[0] === 'tmp' ? '/tmp' : above;
  const place = folder === '/' ? '/data' : folder;
  let there = '';
  for (const path in told) if (told[path] !== 'scratch') there += `${there === '' ? '' : ', '}\`${path}\``;
  if (there !== '') there = ` (the mounts are ${there})`;
  const way = `\`-v DIR:${place}\` mounts a folder${place === folder ? ' there' : ''}, \`-v DIR:${place}:rw\` one to write to`;
  return `nothing is mounted at \`${folder}\`${there}; ${way}`;
}
const { slice: sliceArray } = Array.prototype;

/** An error as node's `fs` words it, with the path that the script gave. */
function refusal(code, action, path, target, reads = false) {
  const to = target === undefined ? '' : ` -> '${target}'`;
  const error = new TheError(`${code}: ${MESSAGES[code] ?? 'i/o error'}, ${action} '${path}'${to}`);
  const properties = { __proto__: null, code, path, syscall: action };
  if (target !== undefined) properties.dest = target;
  for (const name in properties) {
    defineProperty(error, name, {
      __proto__: null,
      value: properties[name],
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
  const why = reason(code, path, reads) || (target === undefined ? '' : reason(code, target, reads));
  if (why !== '') note(error, why);
  return error;
}

/** Parts of an absolute path, with `.` and `..` followed. */
export function partsOf(path) {
  const parts = [];
  for (let from = 0; from <= path.length; ) {
    let to = indexOf(path, '/', from);
    if (to < 0) to = path.length;
    const part = slice(path, from, to);
    if (part === '..') parts.length = parts.length > 0 ? parts.length - 1 : 0;
    else if (part !== '' && part !== '.') push(parts, part);
    from = to + 1;
  }
  return parts;
}

export function joined(parts) {
  let text = '';
  for (let i = 0; i < parts.length; i++) text += `/${parts[i]}`;
  return text === '' ? '/' : text;
}

/** The same as one path. Most are so already, and then nothing is put together: to cut a text takes the engine 10,000 steps. */
function cleaned(path) {
  const isSo = path[0] === '/' && indexOf(path, '//') < 0 && indexOf(path, '/.') < 0 && !endsWith(path, '/');
  return isSo ? path : joined(partsOf(path));
}

/** [{handle, path, root, inside}]: where each mount is, and what paths in it begin with. */
let mounts;

function known() {
  if (mounts !== undefined) return mounts;
  mounts = wasi.mounts();
  for (let i = 0; i < mounts.length; i++) {
    const root = mounts[i].path === '/' ? '/' : cleaned(mounts[i].path);
    mounts[i].root = root;
    mounts[i].inside = root === '/' ? '/' : `${root}/`;
  }
  return mounts;
}

/** The mount that a path is in, the path below it, and where it is mounted. */
export function placed(path, action) {
  if (typeof path !== 'string') throw new TheTypeError(`a path must be a string, not ${path === null ? 'null' : typeof path}`);
  if (indexOf(path, '\0') >= 0) throw refusal('EINVAL', action, path);
  const full = absolute(path);
  const clean = path === '' ? undefined : cleaned(full);
  const found = path === '' ? undefined : mountOf(clean);
  if (found === undefined) throw refusal('ENOENT', action, path);
  if (clean !== full) found.path = followed(full, found);
  if (found.path === '') found.path = '.';
  // Only a directory may be named so: the host decides.
  else if (clean !== full && endsWith(path, '/')) found.path += '/';
  return found;
}

/**
 * The path below a mount with its `..` as they are, so that the host follows links before them; without them where the
 * way that the path spells leads out of the mount, or into another below it.
 */
function followed(path, { root, path: below }) {
  if (indexOf(path, '..') < 0) return below;
  for (let i = 0; i < mounts.length; i++) {
    const other = mounts[i].root;
    if (other !== root && startsWith(other, root === '/' ? root : `${root}/`)) return below;
  }
  const above = partsOf(root);
  const rest = [];
  let place = 0;
  let depth = 0;
  for (let from = 0, to; from <= path.length; from = to + 1) {
    to = indexOf(path, '/', from);
    if (to < 0) to = path.length;
    const part = slice(path, from, to);
    if (part === '' || part === '.') continue;
    if (place < above.length) {
      if (part !== above[place]) return below;
      place += 1;
      continue;
    }
    depth += part === '..' ? -1 : 1;
    if (depth < 0) return below;
    push(rest, part);
  }
  return rest.length === 0 ? below : slice(joined(rest), 1);
}

function mountOf(full) {
  const all = known();
  let mount;
  for (let i = 0; i < all.length; i++) {
    const { root, inside } = all[i];
    const holds = inside === '/' || full === root || startsWith(full, inside);
    if (holds && (mount === undefined || root.length > mount.root.length)) mount = all[i];
  }
  if (mount === undefined) return undefined;
  const { handle: directory, root, inside } = mount;
  // WASI's paths are relative.
  const path = full === root ? '' : inside === '/' ? `.${full}` : slice(full, inside.length);
  return { __proto__: null, directory, path, root };
}

/** Does one thing with a path, and words what WASI refuses. */
function at(path, action, act, target) {
  const place = placed(path, action);
  try {
    return act(place.directory, place.path);
  } catch (failed) {
    if (failed?.refusal === undefined) throw failed;
    const reads = act === wasi.read || act === wasi.stat || act === wasi.linkStat || act === wasi.list;
    throw refusal(failed.refusal, action, path, target, reads);
  }
}

function whole(parts) {
  if (parts.length === 1) return parts[0];
  let length = 0;
  for (let i = 0; i < parts.length; i++) length += parts[i].byteLength;
  const all = new TheUint8Array(length);
  let from = 0;
  for (let i = 0; i < parts.length; i++) {
    apply(setBytes, all, [parts[i], from]);
    from += parts[i].byteLength;
  }
  return all;
}

/** What is at an absolute path, without a link at its end; 'refused' where the script may not know, undefined where nothing is. */
export function kindAt(path) {
  const place = mountOf(path);
  if (place === undefined) return undefined;
  try {
    return wasi.stat(place.directory, place.path === '' ? '.' : place.path).type;
  } catch (failed) {
    if (failed?.refusal === undefined) throw failed;
    return failed.refusal === 'EPERM' || failed.refusal === 'EACCES' ? 'refused' : undefined;
  }
}

/** How long a file is, and its text without a byte order mark. */
export function sizeAt(path) {
  return at(path, 'open', wasi.stat).size;
}
export function textAt(path) {
  const text = decode(readBytes(path));
  return startsWith(text, '\ufeff') ? slice(text, 1) : text;
}

/** At most so many bytes of a file, from an offset: a MiB at a time. */
export function partAt(path, length, offset) {
  return at(path, 'open', (directory, below) => wasi.readSome(directory, below, length, offset));
}

export function readBytes(path) {
  return whole(at(path, 'open', wasi.read));
}

function write(path, content, appends) {
  const written = typeof content === 'string' ? content : bytesOf(content);
  if (written === undefined) throw new TheTypeError('what is written to a file must be a string or bytes');
  if (!appends && typeof path === 'string' && putAt(path, written)) return;
  at(path, 'open', (directory, below) => wasi.write(directory, below, written, appends));
}

/** Writes a small file by one call, where that is possible; the host follows `..` in its own way. */
export function putAt(path, content) {
  return path !== '' && indexOf(path, '..') < 0 && wasi.put(absolute(path), content);
}

function stat(path) {
  const { type, size, modified, mode } = at(path, 'stat', wasi.stat);
  return { type, size, modified: modified === undefined ? undefined : new TheDate(modified), mode };
}

export const files = freeze({
  __proto__: null,
  /** A file's text, as UTF-8. */
  async readText(path) {
    return decode(readBytes(path));
  },
  async readBytes(path) {
    return readBytes(path);
  },
  async writeText(path, text) {
    write(path, `${text}`, false);
  },
  async writeBytes(path, bytes) {
    write(path, bytes, false);
  },
  /** Adds text or bytes to the end of a file. */
  async append(path, content) {
    write(path, content, true);
  },
  /** The names in a directory, sorted. */
  async list(path = '/') {
    return names(path);
  },
  /** {type: "file" | "directory" | .., size, modified, mode}: `mode` has the permission bits. */
  async stat(path) {
    return stat(path);
  },
  async exists(path) {
    try {
      stat(path);
      return true;
    } catch (error) {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return false;
      throw error;
    }
  },
  /** Removes a file or an empty directory; with {recursive: true} all that is in it. */
  async remove(path, { recursive = false } = {}) {
    remove(path, recursive);
  },
  /** Makes a directory; with {recursive: true} also those above it, and none that is there is refused. */
  async mkdir(path, { recursive = false } = {}) {
    if (recursive) makeAll(path);
    else at(path, 'mkdir', wasi.makeDirectory);
  },
  async rename(from, to) {
    const target = placed(to, 'rename');
    at(from, 'rename', (directory, below) => wasi.rename(directory, below, target.directory, target.path), to);
  },
  /** Sets permission bits: `0o644`. */
  async chmod(path, mode) {
    if (!isInteger(mode) || mode < 0 || mode > 0o7777) throw new TheTypeError('a mode must be a whole number up to 0o7777');
    at(path, 'chmod', (directory, below) => wasi.setMode(directory, below, mode));
  },
  [Symbol.toStringTag]: 'files',
});

function names(path) {
  let entries;
  if (joined(partsOf(absolute(`${path}`))) === '/' && !hasRoot()) entries = roots();
  else entries = at(path, 'scandir', wasi.list);
  const found = [];
  for (let i = 0; i < entries.length; i++) push(found, entries[i].name);
  return apply(sort, found, []);
}
const { sort } = Array.prototype;
const { isInteger } = Number;

/** For the warm-up: as if no file had been asked for. */
export function forget() {
  mounts = undefined;
}

/** Makes a folder the one that relative paths begin in. */
export function chdir(path) {
  const { type } = at(path, 'chdir', wasi.stat);
  if (type !== 'directory') throw refusal('ENOTDIR', 'chdir', path);
  go(joined(partsOf(absolute(path))));
}

/** Whoever runs a built component may offer no `/`: then it holds the mounts. */
export function hasRoot() {
  const all = known();
  for (let i = 0; i < all.length; i++) if (all[i].root === '/') return true;
  return false;
}

export function roots() {
  const found = [];
  for (let i = 0; i < mounts.length; i++) push(found, { __proto__: null, name: partsOf(mounts[i].path)[0] });
  return found;
}

function remove(path, recursive) {
  // A link is removed, not what it leads to.
  if (at(path, 'lstat', wasi.linkStat).type !== 'directory') {
    at(path, 'unlink', wasi.removeFile);
    return;
  }
  if (recursive) {
    const inside = names(path);
    for (let i = 0; i < inside.length; i++) remove(`${path}/${inside[i]}`, true);
  }
  at(path, 'rmdir', wasi.removeDirectory);
}

function makeAll(path) {
  const parts = partsOf(absolute(`${path}`));
  let above = '';
  for (let i = 0; i < parts.length; i++) {
    above += `/${parts[i]}`;
    try {
      at(above, 'mkdir', wasi.makeDirectory);
    } catch (error) {
      const last = i === parts.length - 1;
      if (error.code === 'EEXIST' || (!last && error.code === 'ENOENT' && isAboveMount(above))) continue;
      if (!last && (error.code === 'EROFS' || error.code === 'EPERM' || error.code === 'EACCES')) continue;
      if (isDirectory(above)) continue;
      throw error;
    }
  }
}

function isAboveMount(path) {
  for (let i = 0; i < mounts.length; i++) if (startsWith(mounts[i].root, path)) return true;
  return false;
}

function isDirectory(path) {
  try {
    return at(path, 'stat', wasi.stat).type === 'directory';
  } catch {
    return false;
  }
}
