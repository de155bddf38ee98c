// Digests by Node's names: the engine's, and those of the package `@noble/hashes`.

import { nativeHash } from './native.js';
import { packaged } from '../registry.js';

/** By name, the package's file and the name in it. */
const PLACES = {
  __proto__: null,
  md5: ['legacy', 'md5'],
  sha1: ['legacy', 'sha1'],
  ripemd160: ['legacy', 'ripemd160'],
  sha224: ['sha2', 'sha224'],
  sha256: ['sha2', 'sha256'],
  sha384: ['sha2', 'sha384'],
  sha512: ['sha2', 'sha512'],
  'sha512-224': ['sha2', 'sha512_224'],
  'sha512-256': ['sha2', 'sha512_256'],
  'sha3-224': ['sha3', 'sha3_224'],
  'sha3-256': ['sha3', 'sha3_256'],
  'sha3-384': ['sha3', 'sha3_384'],
  'sha3-512': ['sha3', 'sha3_512'],
  blake2b512: ['blake2', 'blake2b'],
  blake2s256: ['blake2', 'blake2s'],
};
const ALIASES = {
  __proto__: null,
  rmd160: 'ripemd160', 'sha-1': 'sha1', 'sha-224': 'sha224', 'sha-256': 'sha256', 'sha-384': 'sha384', 'sha-512': 'sha512',
  'ssl3-md5': 'md5', 'ssl3-sha1': 'sha1', 'rsa-md5': 'md5', 'rsa-sha1': 'sha1', 'rsa-sha224': 'sha224', 'rsa-sha256': 'sha256',
  'rsa-sha384': 'sha384', 'rsa-sha512': 'sha512', 'sha512/224': 'sha512-224', 'sha512/256': 'sha512-256',
};

export const hashes = Object.keys(PLACES).sort();

/** A digest of the package; undefined if there is none of that name. */
export function hashOf(name) {
  const lower = name.toLowerCase();
  const plain = ALIASES[lower] ?? lower;
  const place = PLACES[plain];
  if (place === undefined) return undefined;
  const ofPackage = () => packaged(`hashes/${place[0]}`)[place[1]];
  return nativeHash(plain, ofPackage) ?? ofPackage();
}
