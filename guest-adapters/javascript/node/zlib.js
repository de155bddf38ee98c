// `zlib`: the package `fflate`.

import { asBuffer, bytesFrom } from './buffer.js';
import { needFunction, rangeError, refuses, withProperties } from './errors.js';
import { immediate } from '../timers.js';
import { need, packaged, provide } from './registry.js';

const { CompressionStream, DecompressionStream, Error, Math, Object, Uint32Array } = globalThis;

/** By Node's name, what the package calls it and whether it unpacks. */
const WAYS = {
  gzip: ['gzipSync', false],
  gunzip: ['gunzipSync', true],
  deflate: ['zlibSync', false],
  inflate: ['unzlibSync', true],
  deflateRaw: ['deflateSync', false],
  inflateRaw: ['inflateSync', true],
  unzip: ['decompressSync', true],
};

const CODES = {
  Z_OK: 0, Z_STREAM_END: 1, Z_NEED_DICT: 2, Z_ERRNO: -1, Z_STREAM_ERROR: -2, Z_DATA_ERROR: -3, Z_MEM_ERROR: -4, Z_BUF_ERROR: -5, Z_VERSION_ERROR: -6,
};
const constants = {
  Z_NO_FLUSH: 0, Z_PARTIAL_FLUSH: 1, Z_SYNC_FLUSH: 2, Z_FULL_FLUSH: 3, Z_FINISH: 4, Z_BLOCK: 5, ...CODES, Z_NO_COMPRESSION: 0,
  Z_BEST_SPEED: 1, Z_BEST_COMPRESSION: 9, Z_DEFAULT_COMPRESSION: -1, Z_FILTERED: 1, Z_HUFFMAN_ONLY: 2, Z_RLE: 3, Z_FIXED: 4,
  Z_DEFAULT_STRATEGY: 0, Z_MIN_WINDOWBITS: 8, Z_MAX_WINDOWBITS: 15, Z_DEFAULT_WINDOWBITS: 15, Z_MIN_CHUNK: 64,
  Z_DEFAULT_CHUNK: 16384, Z_MIN_MEMLEVEL: 1, Z_MAX_MEMLEVEL: 9, Z_DEFAULT_MEMLEVEL: 8, Z_MIN_LEVEL: -1, Z_MAX_LEVEL: 9,
  Z_DEFAULT_LEVEL: -1, BROTLI_OPERATION_PROCESS: 0, BROTLI_PARAM_QUALITY: 1, BROTLI_PARAM_MODE: 0, BROTLI_PARAM_SIZE_HINT: 5,
};

function failed(code, message) {
  return withProperties(new Error(message), { errno: CODES[code], code });
}

/** Whether bytes begin as `gunzip` or `inflate` wants them. */
function check(name, bytes) {
  if (bytes.length < 2 && name !== 'inflateRaw') throw failed('Z_BUF_ERROR', 'unexpected end of file');
  const isZlib = (bytes[0] & 15) === 8 && ((bytes[0] << 8) | bytes[1]) % 31 === 0;
  if (name === 'gunzip' ? !isGzip(bytes) : name === 'inflate' ? !isZlib : name === 'unzip' && !isGzip(bytes) && !isZlib) {
    throw failed('Z_DATA_ERROR', 'incorrect header check');
  }
}

function through(name, data, { level = 6, maxOutputLength } = {}) {
  const [act, unpacks] = WAYS[name];
  const bytes = bytesFrom(data, 'utf8', 'buffer');
  const { [act]: convert } = packaged('fflate');
  if (!unpacks) {
    if (!(level >= -1 && level <= 9)) throw rangeError('ERR_OUT_OF_RANGE', `The value of "options.level" is out of range. It must be >= -1 and <= 9. Received ${level}`);
    // No time in the header, as Node has none.
    return asBuffer(named(convert(bytes, { level: level === -1 ? 6 : level, mtime: 0 }), name));
  }
  check(name, bytes);
  let out;
  try {
    out = isGzip(bytes) && name !== 'inflate' && name !== 'inflateRaw' ? members(bytes) : convert(bytes);
  } catch (error) {
    if (error.code === 'Z_DATA_ERROR') throw error;
    throw /unexpected EOF/i.test(error.message) ? failed('Z_BUF_ERROR', 'unexpected end of file') : failed('Z_DATA_ERROR', 'invalid stored block lengths');
  }
  if (act === 'unzlibSync' || (act === 'decompressSync' && !isGzip(bytes))) {
    // Less than a head, one byte and a sum: the package takes it for nothing.
    if (bytes.length < 7) throw failed('Z_BUF_ERROR', 'unexpected end of file');
    if (!isWhole('deflate', bytes, out)) throw failed('Z_DATA_ERROR', 'incorrect data check');
  }
  return bounded(out, { maxOutputLength });
}

function bounded(out, options) {
  const most = options?.maxOutputLength;
  if (most !== undefined && out.length > most) throw rangeError('ERR_BUFFER_TOO_LARGE', `Cannot create a Buffer larger than ${most} bytes`);
  return asBuffer(out);
}

/** Names the system in a header of gzip, as Node does on Linux. */
function named(bytes, name) {
  if (name === 'gzip') bytes[9] = 3;
  return bytes;
}

function isGzip(bytes) {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** Unpacks gzip, of one part or several behind each other. */
function members(bytes) {
  const { Buffer } = need('buffer');
  const { Gunzip } = packaged('fflate');
  const found = [{ start: 0, parts: [] }];
  const unpacking = new Gunzip((part) => found.at(-1).parts.push(part));
  unpacking.onmember = (start) => found.push({ start, parts: [] });
  unpacking.push(bytes, true);
  const outs = found.map(({ parts }) => Buffer.concat(parts));
  for (const [i, out] of outs.entries()) verify(bytes, found[i + 1]?.start ?? bytes.length, out);
  return Buffer.concat(outs);
}

/** The package does not look at the sum at the end of gzip. */
function verify(bytes, end, out) {
  const [a, b, c, d] = bytes.subarray(end - 8);
  if ((a | (b << 8) | (c << 16) | (d << 24)) >>> 0 !== crc32(out)) throw failed('Z_DATA_ERROR', 'incorrect data check');
}

let table;
function crc32(data, value = 0) {
  const bytes = bytesFrom(data, 'utf8', 'data');
  if (table === undefined) {
    table = new Uint32Array(256);
    for (let i = 0; i < 256; i++) {
      let sum = i;
      for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
      table[i] = sum;
    }
  }
  let sum = ~value;
  for (let i = 0; i < bytes.length; i++) sum = table[(sum ^ bytes[i]) & 255] ^ (sum >>> 8);
  return ~sum >>> 0;
}

/** What the engine packs and unpacks itself, a hundred times as fast as the package, but not in place. */
const NATIVE = { __proto__: null, gzip: 'gzip', gunzip: 'gzip', deflate: 'deflate', inflate: 'deflate', deflateRaw: 'deflate-raw' };

function formatOf(name, bytes) {
  return name === 'unzip' ? (bytes[0] === 0x1f ? 'gzip' : 'deflate') : NATIVE[name];
}

/** The same as `through`, later. */
async function converted(name, bytes, options) {
  const [, unpacks] = WAYS[name];
  const format = formatOf(name, bytes);
  const { level = 6 } = options ?? {};
  // The engine knows one level only.
  if (format === undefined || (!unpacks && level !== 6 && level !== -1)) return through(name, bytes, options);
  let out;
  try {
    out = await piped(bytes, unpacks ? new DecompressionStream(format) : new CompressionStream(format));
    if (!unpacks) return asBuffer(named(out, name));
    // It takes what is cut off for whole.
    if (!isWhole(format, bytes, out)) out = undefined;
  } catch {
    // Several parts behind each other, or broken: the package tells them apart.
    out = undefined;
  }
  return out === undefined ? through(name, bytes, options) : bounded(out, options);
}

async function piped(bytes, { readable, writable }) {
  const writer = writable.getWriter();
  writer.write(bytes).then(() => writer.close()).catch(() => {});
  const parts = [];
  for (const reader = readable.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) return need('buffer').Buffer.concat(parts);
    parts.push(value);
  }
}

function isWhole(format, bytes, out) {
  const at = bytes.length - 4;
  if (at < 2) return false;
  const [a, b, c, d] = bytes.subarray(at);
  if (format === 'deflate') return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0 === adler32(out);
  verify(bytes, bytes.length, out);
  return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0 === out.length;
}

function adler32(bytes) {
  let low = 1;
  let high = 0;
  for (let at = 0; at < bytes.length; ) {
    // So many bytes are added up before a number could become too large.
    for (const end = Math.min(at + 3800, bytes.length); at < end; at++) high += low += bytes[at];
    low %= 65521;
    high %= 65521;
  }
  return ((high << 16) | low) >>> 0;
}

function later(name) {
  return (data, options, callback) => {
    if (typeof options === 'function') [options, callback] = [undefined, options];
    needFunction(callback, 'callback');
    const bytes = bytesFrom(data, 'utf8', 'buffer').slice();
    converted(name, bytes, options).then((value) => immediate(callback, [null, value]), (error) => immediate(callback, [error]));
  };
}

/** A stream that gathers what is written, and packs it at its end; what it unpacks comes at once where the engine can. */
function transforming(name) {
  return (options) => {
    const { Transform } = need('stream');
    const { Buffer } = need('buffer');
    const gathered = [];
    let unpacking;
    const finish = async () => {
      const bytes = Buffer.concat(gathered);
      if (unpacking === undefined) return await converted(name, bytes, options);
      if (await unpacking.isWhole(bytes)) return undefined;
      // Several parts behind each other, or broken: the package tells them apart, from the beginning.
      return through(name, bytes, options).subarray(unpacking.size);
    };
    return new Transform({
      ...options,
      transform(chunk, encoding, done) {
        const bytes = bytesFrom(chunk, encoding === 'buffer' ? undefined : encoding);
        gathered.push(bytes);
        if (WAYS[name][1] && name !== 'inflateRaw' && bytes.length > 0) {
          unpacking ??= new Unpacking(formatOf(name, bytes), (out) => this.push(asBuffer(out)));
          unpacking.write(bytes).then(done);
        } else done();
      },
      flush(done) {
        finish().then(
          (out) => done(null, out?.length > 0 ? out : undefined),
          // What packages of HTTP ask for: the end may be missing.
          (error) => done(error.code === 'Z_BUF_ERROR' && options?.finishFlush === constants.Z_SYNC_FLUSH ? undefined : error),
        );
      },
    });
  };
}

/** The engine's stream for a format, as long as it takes what is written. */
class Unpacking {
  #format;
  #writer;
  #read;
  #parts = [];
  size = 0;
  constructor(format, take) {
    const { readable, writable } = new DecompressionStream(format);
    this.#format = format;
    this.#writer = writable.getWriter();
    this.#writer.closed.catch(() => {});
    const reader = readable.getReader();
    this.#read = (async () => {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        this.#parts.push(value);
        this.size += value.length;
        take(value);
      }
    })();
    this.#read.catch(() => {});
  }
  /** Until what comes of it was taken. */
  async write(bytes) {
    await this.#writer?.write(bytes).catch(() => {
      this.#writer = undefined;
    });
  }
  /** The end: whether it was all. */
  async isWhole(bytes) {
    if (this.#writer === undefined) return false;
    try {
      await this.#writer.close();
      await this.#read;
      return isWhole(this.#format, bytes, need('buffer').Buffer.concat(this.#parts));
    } catch {
      return false;
    }
  }
}

provide('zlib', () => {
  const zlib = { constants, codes: { ...CODES }, crc32 };
  for (const name of Object.keys(WAYS)) {
    const upper = name[0].toUpperCase() + name.slice(1);
    zlib[name] = later(name);
    zlib[`${name}Sync`] = (data, options) => through(name, data, options);
    const create = transforming(name);
    zlib[`create${upper}`] = create;
    zlib[upper] = create;
  }
  for (const name of ['brotliCompress', 'brotliDecompress', 'zstdCompress', 'zstdDecompress']) {
    for (const one of [name, `${name}Sync`, `create${name[0].toUpperCase()}${name.slice(1)}`]) zlib[one] = refuses(`zlib.${one}`, 'it has gzip and deflate');
  }
  for (const [name, value] of Object.entries(constants)) if (!(name in zlib)) zlib[name] = value;
  return zlib;
});
