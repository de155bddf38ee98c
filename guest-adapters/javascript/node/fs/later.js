// The functions of `fs` with callbacks, and those of `fs/promises`. What they do is done when
// they are called; what waits for it comes later.

import { immediate } from '../../timers.js';
import { asBuffer } from '../buffer.js';
import { needFunction, refuses, wrongType } from '../errors.js';
import { need } from '../registry.js';
import { close, constants, optionsOf } from './core.js';
import { contents } from './contents.js';
import { tree } from './tree.js';

const { ArrayBuffer, Object, Set, Symbol, Uint8Array } = globalThis;

export const sync = { ...contents, ...tree };

/** Names of the functions that have all three forms. */
const NAMES = Object.keys(sync).map((name) => name.slice(0, -4));

/** What a callback gets after the error: these have more than one, or none. */
const ANSWERS = {
  __proto__: null,
  read: (count, [, buffer]) => [count, buffer],
  write: (count, [, data]) => [count, data],
  readv: (count, [, buffers]) => [count, buffers],
  writev: (count, [, buffers]) => [count, buffers],
};

function withCallback(name) {
  const act = sync[`${name}Sync`];
  const functions = {
    [name](...args) {
      const callback = args.length > 1 ? args.pop() : undefined;
      needFunction(callback);
      if (name === 'read' && (args.length < 2 || (args[1] !== null && !ArrayBuffer.isView(args[1])))) {
        const { buffer = asBuffer(new Uint8Array(16384)), ...rest } = args[1] ?? {};
        args = [args[0], buffer, rest];
      }
      let answers;
      try {
        const told = act(...args);
        answers = [null, ...(ANSWERS[name]?.(told, args) ?? (told === undefined ? [] : [told]))];
      } catch (error) {
        if (error?.syscall === undefined && error?.code?.startsWith?.('ERR_INVALID_ARG')) throw error;
        answers = [error];
      }
      immediate(callback, answers);
    },
  };
  return functions[name];
}

export function callbacks() {
  const found = {};
  for (const name of NAMES) if (name !== 'exists') found[name] = withCallback(name);
  found.exists = (path, callback) => {
    needFunction(callback);
    immediate(callback, [sync.existsSync(path)]);
  };
  found.realpath.native = found.realpath;
  return found;
}

/** What `fs/promises` does to a file that is open. */
export class FileHandle {
  #fd;
  constructor(fd) {
    this.#fd = fd;
  }
  get fd() {
    return this.#fd;
  }
  async read(buffer, offset, length, position) {
    if (buffer === undefined || (buffer !== null && !ArrayBuffer.isView(buffer))) {
      ({ buffer = asBuffer(new Uint8Array(16384)), offset, length, position } = buffer ?? {});
    }
    return { bytesRead: sync.readSync(this.#fd, buffer, offset, length, position), buffer };
  }
  async readv(buffers, position) {
    return { bytesRead: sync.readvSync(this.#fd, buffers, position), buffers };
  }
  async write(buffer, ...rest) {
    return { bytesWritten: sync.writeSync(this.#fd, buffer, ...rest), buffer };
  }
  async writev(buffers, position) {
    return { bytesWritten: sync.writevSync(this.#fd, buffers, position), buffers };
  }
  async readFile(options) {
    return sync.readFileSync(this.#fd, options);
  }
  async writeFile(data, options) {
    sync.writeFileSync(this.#fd, data, options);
  }
  async appendFile(data, options) {
    sync.writeFileSync(this.#fd, data, options);
  }
  async stat(options) {
    return sync.fstatSync(this.#fd, options);
  }
  async truncate(length) {
    sync.ftruncateSync(this.#fd, length);
  }
  async sync() {}
  async datasync() {}
  async chmod(mode) {
    sync.fchmodSync(this.#fd, mode);
  }
  async chown(uid, gid) {
    sync.fchownSync(this.#fd, uid, gid);
  }
  async utimes(atime, mtime) {
    sync.futimesSync(this.#fd, atime, mtime);
  }
  async close() {
    if (this.#fd < 0) return;
    const fd = this.#fd;
    this.#fd = -1;
    close(fd);
  }
  createReadStream(options) {
    return need('fs').createReadStream('', { ...options, fd: this.#fd });
  }
  createWriteStream(options) {
    return need('fs').createWriteStream('', { ...options, fd: this.#fd });
  }
  readLines(options) {
    return need('readline').createInterface({ input: this.createReadStream(options), crlfDelay: Infinity });
  }
  async [Symbol.asyncDispose ?? Symbol.for('asyncDispose')]() {
    await this.close();
  }
}

/** A path, or a file that is open, as what the functions that answer at once take. */
function handled(path) {
  return path instanceof FileHandle ? path.fd : path;
}

export function promises() {
  const found = { constants };
  const open = new Set(['close', 'exists', 'fstat', 'fsync', 'fdatasync', 'fchmod', 'fchown', 'ftruncate', 'futimes', 'read', 'readv', 'write', 'writev', 'open', 'realpath.native']);
  for (const name of NAMES) {
    if (open.has(name)) continue;
    const act = sync[`${name}Sync`];
    const functions = {
      async [name](path, ...rest) {
        return act(handled(path), ...rest);
      },
    };
    found[name] = functions[name];
  }
  found.open = async (path, flags, mode) => new FileHandle(sync.openSync(path, flags, mode));
  found.writeFile = async (path, data, options) => {
    const whole = typeof data === 'object' && data !== null && !ArrayBuffer.isView(data) ? await gathered(data, options) : data;
    sync.writeFileSync(handled(path), whole, options);
  };
  found.readFile = async (path, options) => {
    const { signal } = optionsOf(options, {});
    signal?.throwIfAborted();
    return sync.readFileSync(handled(path), options);
  };
  found.watch = refuses('fs.promises.watch', 'nothing tells it of changes; read the file again instead');
  return found;
}

/** What a stream or another iterable gives, as one text or as bytes. */
async function gathered(data, options) {
  const { Buffer } = need('buffer');
  const { encoding = 'utf8' } = optionsOf(options, {});
  if (data[Symbol.asyncIterator] === undefined && data[Symbol.iterator] === undefined) {
    throw wrongType('data', 'of type string or an instance of Buffer, TypedArray, or DataView', data);
  }
  const parts = [];
  for await (const part of data) parts.push(Buffer.from(part, typeof part === 'string' ? encoding : undefined));
  return Buffer.concat(parts);
}

