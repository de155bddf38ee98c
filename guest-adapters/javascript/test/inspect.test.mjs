// `inspect`, `format` and `table` against node's own. Run: node --test guest-adapters/javascript/test

import assert from 'node:assert';
import { Console } from 'node:console';
import { Writable } from 'node:stream';
import test from 'node:test';
import util from 'node:util';

// What the engine has and node 20 lacks.
Error.isError ??= (value) => util.types.isNativeError(value);
Uint8Array.fromBase64 ??= (text) => new Uint8Array(Buffer.from(text, 'base64'));
Uint8Array.prototype.toBase64 ??= function () {
  return Buffer.from(this).toString('base64');
};
const { inspect } = await import('../adapter/inspect.js');
const { format } = await import('../adapter/format.js');
const { table } = await import('../adapter/table.js');

class Foo {
  constructor() {
    this.a = 1;
  }
}
class Bar extends Foo {
  #hidden = 1;
  get x() {
    return this.#hidden;
  }
}
const circular = { name: 'c', list: [1] };
circular.self = circular;
circular.list.push(circular);
const symbol = Symbol('s');
const nested = { a: { b: { c: { d: 1 } } }, list: [[[[1]]]] };
const wide = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`key${i}`, `value ${i}`]));

const VALUES = [
  1, -0, 1.5, NaN, Infinity, 10n, true, null, undefined, symbol, Symbol(), 'text', "it's", `"both" and 'single'`, '`all` "of" \'them\'', 'a\nb\tc\\\u0001\x7f',
  '\ud800 lone', 'x'.repeat(200), 'line one is long\nline two is long too\nand line three ends the text that must be split\n',
  [], [1, 2, 3], [1, , 3], [, ,], ['a', 'b'], [undefined, null], Array.from({ length: 7 }, (_, i) => i), Array.from({ length: 120 }, (_, i) => i),
  Array.from({ length: 30 }, (_, i) => 'x'.repeat(i % 9)), [1.5, -2, 300, 4, 5, 6, 7, 8], Object.assign([1], { extra: true }), [[1, [2, [3, [4]]]]],
  [{ a: 1 }, { a: 2 }, { a: 3 }], Array.from({ length: 101 }, () => 'abc'),
  {}, { a: 1 }, { 'a-b': 1, 3: 2, c_d: 3 }, { [symbol]: 1 }, Object.create(null), Object.assign(Object.create(null), { a: 1 }), nested, circular, wide,
  { get a() { return 1; }, set a(v) {}, get b() { return 2; }, set c(v) {} }, { f() {}, g: () => 1, h: class A {}, i: class extends Foo {} }, { undefined: undefined },
  { a: 'x'.repeat(30), b: 'y'.repeat(30), c: 'z'.repeat(30) }, { a: [1, 2, { b: new Map([[{ c: 1 }, 'd']]) }] }, { __proto__: { x: 1 } }, JSON.parse('{"__proto__": 1}'),
  new Foo(), new Bar(), new (class {})(), new (class extends Map {})([[1, 2]]), new (class Baz extends Array {})(3), new Map(), new Map([['a', 1], [{ b: 1 }, [2]]]), new Set(),
  new Set([1, 'a', { b: 1 }]), new WeakMap(), new Date(0), new Date(NaN), /a+b/gi, Object.assign(/x/, { extra: 1 }), function named() {}, () => {}, async () => {}, function* gen() {},
  class A {}, class B extends Foo {}, Object.assign(function f() {}, { a: 1 }), Math.max, new Number(3), new String('abc'), new Boolean(false), Object(5n), Object(symbol),
  new Uint8Array([1, 2, 3]), new Uint8Array(200), new Float64Array([1.5, -0]), new BigInt64Array([1n]), new ArrayBuffer(4), new Uint8Array([1, 255]).buffer,
  { [Symbol.toStringTag]: 'Tagged', a: 1 }, (function () { return arguments; })(1, 'b'), { [util.inspect.custom]() { return 'custom text'; } }, { [util.inspect.custom]: () => ({ inner: 1 }) },
  { a: 1n, b: Symbol('q'), c: -0, d: null }, Object.freeze({ a: [1, 2, 3] }), [[], {}, new Map(), new Set()], { a: { b: [] } }, { x: [{ y: [{ z: 1 }] }] }, ['a\nb'], { s: 'a\nb' }, [1n, 2n, 3n, 4n, 5n, 6n, 7n],
  Array.from({ length: 10 }, (_, i) => ({ id: i, name: `name ${i}` })), { long: 'word '.repeat(40) }, Array.from({ length: 26 }, (_, i) => String.fromCharCode(97 + i).repeat(4)), 'a'.repeat(10_001),
];

test('inspect shows values as node does', () => {
  const different = VALUES.map((value) => [inspect(value), util.inspect(value)]).filter(([ours, theirs]) => ours !== theirs);
  assert.deepStrictEqual(different, []);
});

test('errors show their stack, cause and properties', () => {
  const at = (error, place) => Object.assign(error, { stack: `${error}\n    at ${place}` });
  const hide = (error) => Object.defineProperty(error, 'stack', { enumerable: false });
  const error = hide(at(new TypeError('message', { cause: hide(at(new Error('inner'), 'f (a.js:1:2)')) }), 'g (b.js:3:4)'));
  error.code = 'E1';
  const none = new Error('no stack');
  none.stack = undefined;
  const set = hide(at(new AggregateError([hide(at(new Error('a'), 'h (c.js:5:6)'))], 'all'), 'i (d.js:7:8)'));
  for (const value of [error, { error }, none, set, hide(at(Object.assign(new Error('x'), { name: 'Other' }), 'j (e.js:9:1)'))]) {
    assert.strictEqual(inspect(value), util.inspect(value));
  }
});

test('format fills placeholders as node does', () => {
  for (const args of [
    ['a', 'b', 1], ['%s is %d', 'x', 5], ['%i %f %j %O %%', '42.5px', '1.5', { a: 1 }, { b: { c: {} } }], ['%s', Symbol('a')], ['%s', { a: { b: 1 } }], ['%s', new Foo()],
    ['%d', '0x10'], ['%d', 5n], ['%c styled', 'color: red'], ['100%', 1], ['%x', 1], ['%s'], [], [1, 'a', { b: 2 }], ['%s %s', 'only'], ['', 1], ['%s', null], ['%s', -0], ['%s', () => 1], ['%s', [1, [2]]],
    ['%s', new Date(0)], ['%%s', 1], ['%', 1],
  ]) {
    assert.strictEqual(format(args), util.format(...args), util.inspect(args));
  }
});

function nodeTable(...args) {
  let text = '';
  const stdout = new Writable({ write: (chunk, _, done) => { text += chunk; done(); } });
  new Console({ stdout }).table(...args);
  return text.slice(0, -1);
}

test('table draws as node does', () => {
  for (const args of [
    [[1, 2]], [[{ a: 1, b: 'x' }, { a: 2, c: true }]], [[{ a: 1, b: 2 }], ['b']], [{ x: { y: 1 }, z: 5 }], [new Map([['k', 1]])], [new Set([1, 'a'])], [[[1, 2], [3, 4]]], [[]], [[{ o: { p: 1, q: 2, r: 3 } }]],
  ]) {
    assert.strictEqual(table(...args), nodeTable(...args));
  }
});

test('hostile values end, and fail nothing', () => {
  const thrower = new Proxy({}, { ownKeys() { throw new Error('no keys'); } });
  assert.strictEqual(inspect(thrower), '<inspection failed: no keys>');
  let deep = {};
  for (let i = 0; i < 100_000; i++) deep = { deep };
  assert.ok(inspect(deep, { depth: Infinity }).length < 3 << 20);
  const many = Object.fromEntries(Array.from({ length: 200_000 }, (_, i) => [`key ${i}`, 'x'.repeat(100)]));
  assert.ok(inspect(many).length < 3 << 20);
});
