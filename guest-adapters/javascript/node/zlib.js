// `zlib`: the package `fflate`.

import { asBuffer, bytesFrom } from './buffer.js';
import { needFunction, rangeError, refuses, withProperties } from './errors.js';
import { immediate } from '../timers.js';
import { need, packaged, provide } from './registry.js';

const { Error, Object, Uint32Array } = globalThis;

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
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const isZlib = (bytes[0] & 15) === 8 && ((bytes[0] << 8) | bytes[1]) % 31 === 0;
  if (name === 'gunzip' ? !isGzip : name === 'inflate' ? !isZlib : name === 'unzip' && !isGzip && !isZlib) {
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
    out = convert(bytes);
  } catch (error) {
    throw /unexpected EOF/i.test(error.message) ? failed('Z_BUF_ERROR', 'unexpected end of file') : failed('Z_DATA_ERROR', 'invalid stored block lengths');
  }
  if (name === 'gunzip' || name === 'unzip') verify(bytes, out);
  if (maxOutputLength !== undefined && out.length > maxOutputLength) {
    throw rangeError('ERR_BUFFER_TOO_LARGE', `Cannot create a Buffer larger than ${maxOutputLength} bytes`);
  }
  return asBuffer(out);
}

/** Names the system in a header of gzip, as Node does on Linux. */
function named(bytes, name) {
  if (name === 'gzip') bytes[9] = 3;
  return bytes;
}

/** The package does not look at the sum at the end of gzip. */
function verify(bytes, out) {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return;
  const at = bytes.length - 8;
  const told = (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
  if (told !== crc32(out)) throw failed('Z_DATA_ERROR', 'incorrect data check');
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

function later(name) {
  return (data, options, callback) => {
    if (typeof options === 'function') [options, callback] = [undefined, options];
    needFunction(callback, 'callback');
    let answer;
    try {
      answer = [null, through(name, data, options)];
    } catch (error) {
      if (error?.code?.startsWith?.('ERR_INVALID')) throw error;
      answer = [error];
    }
    immediate(callback, answer);
  };
}

/** A stream that gathers what is written, and packs or unpacks it at its end. */
function transforming(name) {
  return (options) => {
    const { Transform } = need('stream');
    const gathered = [];
    return new Transform({
      ...options,
      transform(chunk, encoding, done) {
        gathered.push(bytesFrom(chunk, encoding === 'buffer' ? undefined : encoding));
        done();
      },
      flush(done) {
        try {
          this.push(through(name, need('buffer').Buffer.concat(gathered), options));
          done();
        } catch (error) {
          done(error);
        }
      },
    });
  };
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
