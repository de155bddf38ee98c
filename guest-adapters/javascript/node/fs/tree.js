// Files and directories by their names: the functions of `fs` that answer at once, but for `contents.js`.

import * as wasi from '../../wasi.js';
import { asBuffer, encoded } from '../buffer.js';
import { plainError, typeError, wrongType } from '../errors.js';
import { needEncoding } from './contents.js';
import {
  absolute, at, close, constants, device, failure, fileOf, joinedBytes, listed, modeOf, open, optionsOf, pathText, place, worded,
  writeSome,
} from './core.js';
import { Dirent, statsOf } from './stats.js';

const { Date, Number, Object, Symbol, Uint8Array, crypto } = globalThis;
const randomValues = crypto.getRandomValues.bind(crypto);

function stat(path, syscall, act, { bigint = false, throwIfNoEntry = true } = {}) {
  const name = pathText(path);
  const standard = device(absolute(name));
  if (standard !== undefined) return statsOf({ type: 'character-device', links: 1, size: 0, mode: 0o666 }, name, bigint);
  try {
    return statsOf(at(name, syscall, act), absolute(name), bigint);
  } catch (error) {
    if (!throwIfNoEntry && (error?.code === 'ENOENT' || error?.code === 'ENOTDIR')) return undefined;
    throw error;
  }
}

function statSync(path, options) {
  return stat(path, 'stat', wasi.stat, options);
}
function lstatSync(path, options) {
  return stat(path, 'lstat', wasi.linkStat, options);
}
function existsSync(path) {
  try {
    const name = pathText(path);
    if (device(absolute(name)) !== undefined) return true;
    at(name, 'access', wasi.stat);
    return true;
  } catch {
    return false;
  }
}

function accessSync(path, mode = constants.F_OK) {
  const name = pathText(path);
  if (device(absolute(name)) !== undefined) return;
  if (mode === constants.F_OK) at(name, 'access', wasi.stat);
  else at(name, 'access', wasi.demand, mode & 7);
}

function readdirSync(path, options) {
  const { encoding, withFileTypes = false, recursive = false } = optionsOf(options, {});
  needEncoding(encoding);
  const root = pathText(path);
  const named = (text) => (encoding === 'buffer' ? asBuffer(encoded(text)) : text);
  const found = [];
  const folders = [''];
  while (folders.length > 0) {
    const below = folders.shift();
    const folder = below === '' ? root : `${root.replace(/\/+$/, '')}/${below}`;
    for (const { name, type } of listed(folder)) {
      const inside = below === '' ? name : `${below}/${name}`;
      const kind = type ?? 'directory';
      if (withFileTypes) found.push(new Dirent(named(name), folder, kind));
      else found.push(named(inside));
      if (recursive && kind === 'directory') folders.push(inside);
    }
  }
  return found;
}

function mkdirSync(path, options) {
  const settings = typeof options === 'object' && options !== null ? options : { mode: options };
  const { recursive = false } = settings;
  const mode = modeOf(settings.mode, undefined);
  const name = pathText(path);
  const make = (folder) => {
    if (mode !== undefined) wasi.nextMode(mode & 0o7777);
    at(folder, 'mkdir', wasi.makeDirectory);
  };
  if (!recursive) {
    make(name);
    return undefined;
  }
  let first;
  const above = [];
  for (let folder = normal(absolute(name)); ; folder = parent(folder)) {
    try {
      if (at(folder, 'mkdir', wasi.stat).type !== 'directory') throw failure(above.length === 0 ? 'EEXIST' : 'ENOTDIR', 'mkdir', name);
      break;
    } catch (error) {
      if (error?.code === 'ENOTDIR') throw failure('ENOTDIR', 'mkdir', name);
      if (error?.code !== 'ENOENT' || folder === '/') throw error;
      above.push(folder);
    }
  }
  while (above.length > 0) {
    const folder = above.pop();
    try {
      make(folder);
    } catch (error) {
      throw error?.code === undefined ? error : failure(error.code, 'mkdir', name);
    }
    first ??= folder;
  }
  return first === undefined || name.startsWith('/') ? first : named(first, name);
}

/** A folder that a relative path leads through, as the path has it. */
function named(folder, path) {
  let above = path.replace(/\/+$/, '');
  while (normal(absolute(above)) !== folder && above.includes('/')) above = above.slice(0, above.lastIndexOf('/'));
  return above;
}

/** An absolute path without `.`, `..` and slashes at its end. */
function normal(path) {
  const parts = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

function parent(path) {
  const end = path.lastIndexOf('/');
  return end <= 0 ? '/' : path.slice(0, end);
}

function unlinkSync(path) {
  at(pathText(path), 'unlink', wasi.removeFile);
}

function rmdirSync(path, options) {
  if (options?.recursive) rmSync(path, { recursive: true });
  else at(pathText(path), 'rmdir', wasi.removeDirectory);
}

function rmSync(path, { recursive = false, force = false } = {}) {
  const name = pathText(path);
  let type;
  try {
    ({ type } = at(name, 'lstat', wasi.linkStat));
  } catch (error) {
    if (force && error?.code === 'ENOENT') return;
    throw error;
  }
  if (type !== 'directory') {
    at(name, 'unlink', wasi.removeFile);
    return;
  }
  if (!recursive) {
    throw systemError('ERR_FS_EISDIR', `Path is a directory: rm returned EISDIR (is a directory) ${name}`, 21, 'rm', name);
  }
  removeAll(name);
}

function systemError(code, message, errno, syscall, path) {
  const error = plainError(code, message);
  Object.defineProperty(error, 'name', { value: 'SystemError', writable: true, configurable: true });
  return Object.assign(error, { errno, syscall, path });
}

function removeAll(folder) {
  for (const { name, type } of listed(folder)) {
    const inside = `${folder}/${name}`;
    if (type === 'directory') removeAll(inside);
    else at(inside, 'unlink', wasi.removeFile);
  }
  at(folder, 'rmdir', wasi.removeDirectory);
}

/** Does something with two paths, each of which may be in a mount of its own. */
function both(from, to, syscall, act) {
  const [source, target] = [pathText(from, 'oldPath'), pathText(to, 'newPath')];
  const old = place(source, syscall, target);
  const other = place(source, syscall, target, true);
  try {
    act(old.directory, old.path, other.directory, other.path);
  } catch (failed) {
    throw worded(failed, syscall, source, target);
  }
}

function renameSync(from, to) {
  both(from, to, 'rename', wasi.rename);
}
function linkSync(from, to) {
  both(from, to, 'link', wasi.addName);
}

function symlinkSync(target, path) {
  const [leads, name] = [pathText(target, 'target'), pathText(path)];
  const { directory, path: below } = place(leads, 'symlink', name, true);
  try {
    wasi.makeLink(directory, below, leads);
  } catch (failed) {
    throw worded(failed, 'symlink', leads, name);
  }
}

function readlinkSync(path, options) {
  const { encoding } = optionsOf(options, {});
  const leads = at(pathText(path), 'readlink', wasi.readLink);
  return encoding === 'buffer' ? asBuffer(encoded(leads)) : leads;
}

const MOST_LINKS = 40;

function realpathSync(path, options) {
  const { encoding } = optionsOf(options, {});
  const left = absolute(pathText(path)).split('/').reverse();
  let real = '';
  for (let links = 0; left.length > 0; ) {
    const part = left.pop();
    if (part === '' || part === '.') continue;
    if (part === '..') {
      real = parent(real) === '/' ? '' : parent(real);
      continue;
    }
    const one = `${real}/${part}`;
    if (at(one, 'lstat', wasi.linkStat).type !== 'symbolic-link') {
      real = one;
      continue;
    }
    if (++links > MOST_LINKS) throw failure('ELOOP', 'realpath', one);
    const target = at(one, 'readlink', wasi.readLink);
    if (target.startsWith('/')) real = '';
    left.push(...target.split('/').reverse());
  }
  if (real === '') real = '/';
  return encoding === 'buffer' ? asBuffer(encoded(real)) : real;
}
realpathSync.native = realpathSync;

function copyFileSync(from, to, mode = 0) {
  const [source, target] = [pathText(from, 'src'), pathText(to, 'dest')];
  try {
    const { mode: bits, type } = at(source, 'copyfile', wasi.stat);
    if (type === 'directory') throw failure('EISDIR', 'copyfile', source);
    const bytes = joinedBytes(at(source, 'copyfile', wasi.read));
    const fd = open(target, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | (mode & 1 ? constants.O_EXCL : 0), bits & 0o777);
    try {
      writeSome(fd, bytes);
    } finally {
      close(fd);
    }
  } catch (error) {
    throw error?.code === undefined || error.syscall === undefined ? error : failure(error.code, 'copyfile', source, target);
  }
}

function cpSync(from, to, options = {}) {
  const { recursive = false, force = true, errorOnExist = false, filter, preserveTimestamps = false, dereference = false } = options;
  const [source, target] = [pathText(from, 'src'), pathText(to, 'dest')];
  if (filter !== undefined && !filter(source, target)) return;
  const found = at(source, dereference ? 'stat' : 'lstat', dereference ? wasi.stat : wasi.linkStat);
  if (found.type === 'directory') {
    if (!recursive) {
      throw systemError('ERR_FS_EISDIR', `Path is a directory: cp returned EISDIR (${source} is a directory (not copied)) ${source}`, 22, 'cp', source);
    }
    if (`${normal(absolute(target))}/`.startsWith(`${normal(absolute(source))}/`)) {
      throw plainError('ERR_FS_CP_EINVAL', `Invalid src or dest: cp returned EINVAL (cannot copy ${source} to a subdirectory of self ${target}) ${target}`);
    }
    mkdirSync(target, { recursive: true });
    for (const { name } of listed(source)) cpSync(`${source}/${name}`, `${target}/${name}`, options);
    return;
  }
  const isThere = existsSync(target);
  if (isThere && !force) {
    if (errorOnExist) throw plainError('ERR_FS_CP_EEXIST', `Target already exists: cp returned EEXIST (${target} already exists) ${target}`);
    return;
  }
  mkdirSync(parent(normal(absolute(target))), { recursive: true });
  if (found.type === 'symbolic-link') {
    if (isThere) unlinkSync(target);
    symlinkSync(readlinkSync(source), target);
    return;
  }
  copyFileSync(source, target);
  if (preserveTimestamps) utimesSync(target, (found.accessed ?? found.modified) / 1000, found.modified / 1000);
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

function mkdtempSync(prefix, options) {
  const name = pathText(prefix, 'prefix');
  for (let tries = 0; ; tries++) {
    let path = name;
    for (const byte of randomValues(new Uint8Array(6))) path += LETTERS[byte % LETTERS.length];
    try {
      wasi.nextMode(0o700);
      at(path, 'mkdtemp', wasi.makeDirectory);
      return optionsOf(options, {}).encoding === 'buffer' ? asBuffer(encoded(path)) : path;
    } catch (error) {
      if (error?.code !== 'EEXIST' || tries > 20) throw error?.code === undefined ? error : failure(error.code, 'mkdtemp', `${name}XXXXXX`);
    }
  }
}

function chmodSync(path, mode) {
  const bits = modeOf(mode, undefined);
  if (bits === undefined) throw wrongType('mode', 'of type number', mode);
  at(pathText(path), 'chmod', wasi.setMode, bits & 0o7777);
}
function fchmodSync(fd, mode) {
  at(fileOf(fd, 'fchmod').path, 'fchmod', wasi.setMode, modeOf(mode, 0) & 0o7777);
}

/** Nobody but root gives files away. */
function chownSync(path, uid, gid) {
  owned(pathText(path), 'chown', uid, gid);
}
function owned(path, syscall, uid, gid) {
  at(path, syscall, wasi.stat);
  if ((uid !== 1000 && uid !== -1) || (gid !== 1000 && gid !== -1)) throw failure('EPERM', syscall, path);
}
function lchownSync(path, uid, gid) {
  owned(pathText(path), 'lchown', uid, gid);
}
function fchownSync(fd, uid, gid) {
  owned(fileOf(fd, 'fchown').path, 'fchown', uid, gid);
}

/** Seconds or a Date as milliseconds. */
function moment(value, name) {
  if (value instanceof Date) return value.getTime();
  const seconds = typeof value === 'string' ? +value : value;
  if (typeof seconds !== 'number' || !Number.isFinite(seconds)) throw wrongType(name, 'one of type number or string or an instance of Date', value);
  return seconds * 1000;
}

function utimesSync(path, atime, mtime) {
  at(pathText(path), 'utime', wasi.setTimes, moment(atime, 'atime'), moment(mtime, 'mtime'), true);
}
function lutimesSync(path, atime, mtime) {
  at(pathText(path), 'lutime', wasi.setTimes, moment(atime, 'atime'), moment(mtime, 'mtime'), false);
}
function futimesSync(fd, atime, mtime) {
  at(fileOf(fd, 'futime').path, 'futime', wasi.setTimes, moment(atime, 'atime'), moment(mtime, 'mtime'), true);
}

/** An open directory: its entries, one by one. */
export class Dir {
  #entries;
  #closed = false;
  constructor(path) {
    this.path = path;
    this.#entries = listed(path).map(({ name, type }) => new Dirent(name, path, type ?? 'directory'));
  }
  #check() {
    if (this.#closed) throw plainError('ERR_DIR_CLOSED', 'Directory handle was closed');
  }
  readSync() {
    this.#check();
    return this.#entries.shift() ?? null;
  }
  closeSync() {
    this.#check();
    this.#closed = true;
  }
  async read() {
    return this.readSync();
  }
  async close() {
    this.closeSync();
  }
  async *[Symbol.asyncIterator]() {
    try {
      for (let entry; (entry = this.readSync()) !== null; ) yield entry;
    } finally {
      this.closeSync();
    }
  }
}

function opendirSync(path) {
  const name = pathText(path);
  try {
    return new Dir(name);
  } catch (error) {
    throw error?.syscall === 'scandir' ? failure(error.code, 'opendir', name) : error;
  }
}

function statfsSync(path) {
  at(pathText(path), 'statfs', wasi.stat);
  throw typeError('ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', 'fs.statfs is not possible in the sandbox: it does not tell how large a disk is');
}

export const tree = {
  accessSync, chmodSync, chownSync, copyFileSync, cpSync, existsSync, fchmodSync, fchownSync, futimesSync, lchownSync, linkSync,
  lstatSync, lutimesSync, mkdirSync, mkdtempSync, opendirSync, readdirSync, readlinkSync, realpathSync, renameSync, rmSync,
  rmdirSync, statSync, statfsSync, symlinkSync, unlinkSync, utimesSync,
};
