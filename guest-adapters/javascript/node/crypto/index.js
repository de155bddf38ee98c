// `crypto`: digests, HMAC, keys from passwords, random numbers. Ciphers and signatures refuse.

import { asBuffer, bytesFrom } from '../buffer.js';
import { needFunction, outOfRange, rangeError, refuses, typeError, wrongType } from '../errors.js';
import { packaged, provide } from '../registry.js';
import { immediate } from '../../timers.js';
import { hashes, hashOf } from './algorithms.js';
import { Hash, Hmac } from './hash.js';

const { Math, Number, Uint8Array, crypto } = globalThis;
const randomValues = crypto.getRandomValues.bind(crypto);

/** Most bytes that the engine gives at once. */
const MOST = 65536;

function fillRandom(bytes) {
  for (let from = 0; from < bytes.length; from += MOST) randomValues(bytes.subarray(from, from + MOST));
  return bytes;
}

/** Calls back in the next turn with what is done now, or answers it where there is no callback. */
function perhapsLater(callback, act) {
  if (callback === undefined) return act();
  needFunction(callback, 'callback');
  const value = act();
  immediate(callback, [null, value]);
  return undefined;
}

function randomBytes(size, callback) {
  if (typeof size !== 'number') throw wrongType('size', 'of type number', size);
  if (!(size >= 0 && size <= 2147483647)) throw outOfRange('size', '>= 0 && <= 2147483647', size);
  return perhapsLater(callback, () => asBuffer(fillRandom(new Uint8Array(Math.floor(size)))));
}

function randomFillSync(buffer, offset = 0, size = buffer.byteLength - offset) {
  fillRandom(new Uint8Array(buffer.buffer ?? buffer, (buffer.byteOffset ?? 0) + offset, size));
  return buffer;
}

function randomInt(min, max, callback) {
  if (max === undefined || typeof max === 'function') [min, max, callback] = [0, min, max];
  if (!Number.isSafeInteger(min)) throw wrongType('min', 'a safe integer', min);
  if (!Number.isSafeInteger(max)) throw wrongType('max', 'a safe integer', max);
  if (max <= min) throw outOfRange('max', `greater than the value of "min" (${min})`, max);
  const range = max - min;
  if (range > 2 ** 48 - 1) throw outOfRange(max === range ? 'max' : 'max - min', '<= 281474976710655', range);
  return perhapsLater(callback, () => {
    const limit = 2 ** 48 - (2 ** 48 % range);
    for (;;) {
      let value = 0;
      for (const byte of randomValues(new Uint8Array(6))) value = value * 256 + byte;
      if (value < limit) return min + (value % range);
    }
  });
}

function timingSafeEqual(a, b) {
  const [first, second] = [bytesFrom(a, 'utf8', 'buf1'), bytesFrom(b, 'utf8', 'buf2')];
  if (typeof a === 'string') throw wrongType('buf1', 'an instance of ArrayBuffer, Buffer, TypedArray, or DataView', a);
  if (typeof b === 'string') throw wrongType('buf2', 'an instance of ArrayBuffer, Buffer, TypedArray, or DataView', b);
  if (first.length !== second.length) {
    throw rangeError('ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH', 'Input buffers must have the same byte length');
  }
  let differs = 0;
  for (let i = 0; i < first.length; i++) differs |= first[i] ^ second[i];
  return differs === 0;
}

function digestNamed(name) {
  if (typeof name !== 'string') throw wrongType('digest', 'of type string', name);
  const found = hashOf(name);
  if (found === undefined) throw typeError('ERR_CRYPTO_INVALID_DIGEST', `Invalid digest: ${name}`);
  return found;
}

function pbkdf2Sync(password, salt, iterations, length, digest) {
  const hash = digestNamed(digest);
  for (const [name, value, least] of [['iterations', iterations, 1], ['keylen', length, 0]]) {
    if (typeof value !== 'number') throw wrongType(name, 'of type number', value);
    if (!(value >= least && value <= 2147483647)) throw outOfRange(name, `>= ${least} && <= 2147483647`, value);
  }
  const options = { c: iterations, dkLen: length };
  return asBuffer(packaged('hashes/pbkdf2').pbkdf2(hash, bytesFrom(password, 'utf8', 'password'), bytesFrom(salt, 'utf8', 'salt'), options));
}

function scryptSync(password, salt, length, options = {}) {
  const N = options.N ?? options.cost ?? 16384;
  const r = options.r ?? options.blockSize ?? 8;
  const p = options.p ?? options.parallelization ?? 1;
  const maxmem = options.maxmem ?? 32 << 20;
  if (128 * N * r > maxmem) throw rangeError('ERR_CRYPTO_INVALID_SCRYPT_PARAMS', 'Invalid scrypt params: memory limit exceeded');
  if (N < 2 || (N & (N - 1)) !== 0) throw rangeError('ERR_CRYPTO_INVALID_SCRYPT_PARAMS', 'Invalid scrypt params');
  const settings = { N, r, p, dkLen: length, maxmem: maxmem + (64 << 20) };
  return asBuffer(packaged('hashes/scrypt').scrypt(bytesFrom(password, 'utf8', 'password'), bytesFrom(salt, 'utf8', 'salt'), settings));
}

function hkdfSync(digest, key, salt, info, length) {
  const bytes = packaged('hashes/hkdf').hkdf(digestNamed(digest), bytesFrom(key), bytesFrom(salt), bytesFrom(info), length);
  return new Uint8Array(bytes).buffer;
}

function hash(algorithm, data, encoding = 'hex') {
  return new Hash(algorithm).update(data).digest(encoding === 'buffer' ? undefined : encoding);
}

const CIPHERS = [
  'createCipheriv', 'createDecipheriv', 'createSign', 'createVerify', 'sign', 'verify', 'generateKeyPair', 'generateKeyPairSync',
  'createDiffieHellman', 'createECDH', 'diffieHellman', 'privateDecrypt', 'privateEncrypt', 'publicDecrypt', 'publicEncrypt',
  'createPrivateKey', 'createPublicKey', 'createSecretKey', 'generateKey', 'generateKeySync', 'generatePrime', 'generatePrimeSync', 'checkPrime', 'checkPrimeSync',
  'X509Certificate', 'KeyObject', 'Certificate',
];

provide('crypto', () => {
  const later = (act) => (...args) => {
    const callback = args.pop();
    needFunction(callback, 'callback');
    perhapsLater(callback, () => act(...args));
  };
  const found = {
    createHash: (algorithm, options) => new Hash(algorithm, options),
    createHmac: (algorithm, key) => new Hmac(algorithm, key),
    Hash,
    Hmac,
    getHashes: () => hashes.slice(),
    getCiphers: () => [],
    getCurves: () => [],
    hash,
    hkdf: later(hkdfSync),
    hkdfSync,
    pbkdf2: later(pbkdf2Sync),
    pbkdf2Sync,
    randomBytes,
    pseudoRandomBytes: randomBytes,
    randomFill: (buffer, ...rest) => later(randomFillSync)(buffer, ...rest),
    randomFillSync,
    randomInt,
    randomUUID: () => crypto.randomUUID(),
    scrypt: later(scryptSync),
    scryptSync,
    timingSafeEqual,
    getRandomValues: (array) => randomValues(array),
    subtle: crypto.subtle,
    webcrypto: crypto,
    getFips: () => 0,
    setFips() {},
    constants: { RSA_PKCS1_PADDING: 1, RSA_PKCS1_OAEP_PADDING: 4, RSA_PKCS1_PSS_PADDING: 6 },
  };
  for (const name of CIPHERS) found[name] = refuses(`crypto.${name}`, 'of cryptography it has digests, HMAC, PBKDF2, scrypt, HKDF and random numbers');
  return found;
});

