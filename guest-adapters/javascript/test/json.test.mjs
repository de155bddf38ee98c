// JSON of the host, read exactly, and values written so that nothing is rounded.

import assert from 'node:assert';
import test from 'node:test';
import util from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { createContext, runInContext } from 'node:vm';

// What the engine of the guest has: node 20 has some of it by a flag, for contexts that are made later.
setFlagsFromString('--harmony-json-parse-with-source');
const other = runInContext('({ JSON, BigInt, Object })', createContext());
Object.assign(JSON, { parse: other.JSON.parse, rawJSON: other.JSON.rawJSON, stringify: other.JSON.stringify });
// Its stringify asks the BigInts of its own realm how they are written.
globalThis.BigInt = other.BigInt;
globalThis.InternalError ??= class InternalError extends Error {};
Error.isError ??= (value) => util.types.isNativeError(value);
Uint8Array.fromBase64 ??= (text) => new Uint8Array(Buffer.from(text, 'base64'));
Uint8Array.prototype.toBase64 ??= function () {
  return Buffer.from(this).toString('base64');
};
const { install, read, readAny } = await import('../adapter/json.js');
const { encode, encodeArguments } = await import('../adapter/values.js');

/** What node makes of a text; it has another realm's prototypes. */
function plain(value) {
  return structuredClone(value);
}

test('an integer beyond 2^53 is a BigInt, and every other number a number', () => {
  const text = '{"a":9007199254740991,"b":9007199254740992,"c":-9007199254740993,"d":1e22,"e":9007199254740993.0,"f":0.1}';
  const value = plain(read(` ${text}`));
  const expected = { a: 9007199254740991, b: 9007199254740992n, c: -9007199254740993n, d: 1e22, e: 9007199254740992, f: 0.1 };
  assert.deepStrictEqual(value, expected);
  assert.deepStrictEqual(plain(readAny(text)), expected);
  assert.deepStrictEqual(plain(read(` ${10n ** 400n}`)), 10n ** 400n);
});

test('integers at one place have one type', () => {
  for (const [text, expected] of [
    ['[1,9007199254740993,null,1.5,"2"]', [1n, 9007199254740993n, null, 1.5, '2']],
    ['[{"id":1,"n":2},{"id":9007199254740993,"n":3},{"n":4}]', [{ id: 1n, n: 2 }, { id: 9007199254740993n, n: 3 }, { n: 4 }]],
    ['{"rows":[[1,2],[9007199254740993,3]]}', { rows: [[1n, 2], [9007199254740993n, 3]] }],
    ['[{"u":{"id":1}},{"u":{"id":9007199254740993}},{"u":null}]', [{ u: { id: 1n } }, { u: { id: 9007199254740993n } }, { u: null }]],
    ['[[[1],[2]],[[9007199254740993],[3]]]', [[[1n], [2]], [[9007199254740993n], [3]]]],
    ['{"a":9007199254740993,"b":1}', { a: 9007199254740993n, b: 1 }],
    ['[-0.0,9007199254740993]', [-0, 9007199254740993n]],
  ]) {
    assert.deepStrictEqual(plain(read(` ${text}`)), expected, text);
  }
  const cells = '{"rows":[[[1,9007199254740993],5],[[2],6]]}';
  assert.deepStrictEqual(plain(read(` ${cells}`)), { rows: [[[1n, 9007199254740993n], 5], [[2n], 6]] });
  const own = read(' [{"__proto__":1},{"__proto__":9007199254740993}]');
  assert.strictEqual(Object.getOwnPropertyDescriptor(own[0], '__proto__').value, 1n);
});

test('any integer comes back as it went', () => {
  let state = 12345n;
  for (let i = 0; i < 2000; i++) {
    state = (state * 6364136223846793005n + 1442695040888963407n) % 2n ** 64n;
    const big = (state << (state % 70n)) * (i % 2 === 0 ? 1n : -1n);
    const value = Number.isSafeInteger(Number(big)) ? Number(big) : big;
    assert.strictEqual(encode(value), `${big}`);
    assert.strictEqual(plain(readAny(encodeArguments({ value }))).value, value);
  }
});

test('a number that may have been rounded is never written as an integer', () => {
  for (const [value, expected] of [
    [9007199254740992, '9007199254740992.0'],
    [[1, -9007199254740994], '[1,-9007199254740994.0]'],
    [1e20, '100000000000000000000.0'],
    [1e21, '1e+21'],
    [-0, '-0.0'],
    [[-0, 0], '[-0.0,0]'],
    [[0.1, 5e-324, 1.7976931348623157e308], '[0.1,5e-324,1.7976931348623157e+308]'],
    [new Float64Array([-0, 2 ** 60]), '[-0.0,1152921504606846976.0]'],
    [new BigInt64Array([1n, -(2n ** 63n)]), '[1,-9223372036854775808]'],
    [other.Object(2n ** 64n), '18446744073709551616'],
  ]) {
    assert.strictEqual(encode(value), expected);
  }
  for (const value of [NaN, [1, Infinity], { x: new Float32Array([NaN]) }]) {
    assert.throws(() => encodeArguments(value), /has no JSON form/);
  }
});

test('JSON.stringify writes BigInts as their digits, and leaves them to a replacer', () => {
  install();
  assert.strictEqual(JSON.stringify({ a: 2n ** 64n, b: [1n] }), '{"a":18446744073709551616,"b":[1]}');
  assert.strictEqual(JSON.stringify([1n], null, 1), '[\n 1\n]');
  const asText = (name, value) => (typeof value === 'bigint' ? `${value}` : value);
  assert.strictEqual(JSON.stringify({ a: 1n }, asText), '{"a":"1"}');
  assert.strictEqual(JSON.stringify({ a: 1n, b: 2 }, (name, value) => (name === 'b' ? undefined : value)), '{"a":1}');
  assert.strictEqual(JSON.stringify({ a: 1n, b: 2n }, ['a']), '{"a":1}');
  assert.strictEqual(Object.hasOwn(BigInt.prototype, 'toJSON'), false);
  const circular = { n: 1n };
  circular.self = circular;
  assert.throws(() => JSON.stringify(circular), { name: 'TypeError' });
  assert.strictEqual(JSON.stringify(undefined), undefined);
  assert.strictEqual(JSON.stringify.name, 'stringify');
  assert.strictEqual(JSON.stringify.length, 3);
});
