// `fs.Stats` and `fs.Dirent`.

import { constants } from './core.js';

const { BigInt, Date, Math, Object, Symbol } = globalThis;

const BITS = {
  __proto__: null,
  file: constants.S_IFREG,
  directory: constants.S_IFDIR,
  'symbolic-link': constants.S_IFLNK,
  'character-device': constants.S_IFCHR,
  'block-device': constants.S_IFBLK,
  fifo: constants.S_IFIFO,
  socket: constants.S_IFSOCK,
};

const KINDS = [
  ['isFile', constants.S_IFREG, 1],
  ['isDirectory', constants.S_IFDIR, 2],
  ['isSymbolicLink', constants.S_IFLNK, 3],
  ['isFIFO', constants.S_IFIFO, 4],
  ['isSocket', constants.S_IFSOCK, 5],
  ['isCharacterDevice', constants.S_IFCHR, 6],
  ['isBlockDevice', constants.S_IFBLK, 7],
];

export class Stats {}
class BigIntStats {}
for (const [name, bits] of KINDS) {
  for (const [kind, number] of [[Stats, (one) => one], [BigIntStats, Number]]) {
    const methods = {
      [name]() {
        return (number(this.mode) & constants.S_IFMT) === bits;
      },
    };
    Object.defineProperty(kind.prototype, name, { value: methods[name], writable: true, configurable: true });
  }
}

/** What WASI tells of a file, in Node's form. `path` stands for the number of the inode, which WASI does not tell. */
export function statsOf({ type, links, size, accessed, modified, changed, mode }, path, big = false) {
  const times = { atime: accessed ?? modified ?? 0, mtime: modified ?? 0, ctime: changed ?? modified ?? 0, birthtime: changed ?? modified ?? 0 };
  const numbers = {
    dev: 1,
    mode: (BITS[type] ?? 0) | mode,
    nlink: links,
    uid: 1000,
    gid: 1000,
    rdev: 0,
    blksize: 4096,
    ino: numberOf(path),
    size,
    blocks: Math.ceil(size / 512),
  };
  const found = big ? new BigIntStats() : new Stats();
  for (const name of Object.keys(numbers)) found[name] = big ? BigInt(numbers[name]) : numbers[name];
  for (const name of Object.keys(times)) found[`${name}Ms`] = big ? BigInt(Math.floor(times[name])) : times[name];
  if (big) for (const name of Object.keys(times)) found[`${name}Ns`] = BigInt(Math.floor(times[name] * 1000)) * 1000n;
  for (const name of Object.keys(times)) found[name] = new Date(Math.round(times[name]));
  return found;
}

/** Another number for each path. */
function numberOf(path) {
  let hash = 2166136261;
  for (let i = 0; i < path.length; i++) hash = Math.imul(hash ^ path.charCodeAt(i), 16777619);
  return hash >>> 0;
}

const type = Symbol('type');
const NUMBERS = { __proto__: null, file: 1, directory: 2, 'symbolic-link': 3, fifo: 4, socket: 5, 'character-device': 6, 'block-device': 7 };

export class Dirent {
  constructor(name, parentPath, kind) {
    this.name = name;
    this.parentPath = parentPath;
    this.path = parentPath;
    this[type] = NUMBERS[kind] ?? 0;
  }
}
for (const [name, , number] of KINDS) {
  const methods = {
    [name]() {
      return this[type] === number;
    },
  };
  Object.defineProperty(Dirent.prototype, name, { value: methods[name], writable: true, configurable: true });
}
