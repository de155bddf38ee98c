// What becomes an argument of a call, and what is said of names that are not there.

import assert from 'node:assert';
import test from 'node:test';
import util from 'node:util';

globalThis.InternalError ??= class InternalError extends Error {};
Error.isError ??= (value) => util.types.isNativeError(value);
Uint8Array.fromBase64 ??= (text) => new Uint8Array(Buffer.from(text, 'base64'));
Uint8Array.prototype.toBase64 ??= function () {
  return Buffer.from(this).toString('base64');
};
const { argumentsText } = await import('../adapter/binding.js');
const { hint } = await import('../adapter/hints.js');
const { isNear } = await import('../adapter/names.js');

const bound = (parameters, objectFirst, ...args) => JSON.parse(argumentsText('t.x', parameters, objectFirst, args));

test('one object is the arguments, or the value of the first parameter', () => {
  assert.deepEqual(bound(['filter', 'limit'], true, { filter: { a: 1 }, limit: 2 }), { filter: { a: 1 }, limit: 2 });
  assert.deepEqual(bound(['filter', 'limit'], true, { age: 3 }), { filter: { age: 3 } });
  assert.deepEqual(bound(['id'], false, { age: 3 }), { age: 3 });
  assert.deepEqual(bound(['filter'], true, {}), {});
  assert.deepEqual(bound(['filter'], true, new Map([['age', 3]])), { filter: { age: 3 } });
  assert.deepEqual(bound(['filter'], false, new Map([['filter', 3]])), { filter: 3 });
  class Options {
    limit = 2;
  }
  assert.deepEqual(bound(['filter', 'limit'], true, new Options()), { limit: 2 });
});

test('what looks misspelt or wrapped is left as it is, for the host to refuse', () => {
  for (const given of [{ filters: { a: 1 } }, { Filter: 1 }, { flter: 1 }, { limt: 5, age: 3 }, { limit: 1, age: 3 }]) {
    assert.deepEqual(bound(['filter', 'limit'], true, given), given);
  }
  for (const wrapper of ['args', 'arguments', 'input', 'params']) {
    assert.deepEqual(bound(['document'], true, { [wrapper]: { a: 1 } }), { [wrapper]: { a: 1 } });
    assert.deepEqual(bound(['document'], true, { [wrapper]: 'text' }), { document: { [wrapper]: 'text' } });
  }
});

test('values are bound in order, and never beside an object of names', () => {
  assert.deepEqual(bound(['a', 'b'], true, { x: 1 }, { y: 2 }), { a: { x: 1 }, b: { y: 2 } });
  assert.deepEqual(bound(['a', 'b'], true, 1, undefined), { a: 1 });
  assert.deepEqual(bound(['a', 'b'], true, undefined, 2), { b: 2 });
  assert.throws(() => bound(['a', 'b'], true, { a: 1 }, 2), /takes one object with its arguments/);
  assert.throws(() => bound(['a'], false, 1, 2), /at most 1 argument \(2 given\), or one object with their names: `a`/);
});

test('names are near if a third of the letters differs', () => {
  assert.ok(isNear('querry', 'query') && isNear('ids', 'id') && isNear('Limit', 'limit'));
  assert.ok(!isNear('name', 'document') && !isNear('x', 'q') && !isNear('', 'q'));
});

test('a failed script is told what it may have meant', () => {
  const source = 'const query = 1; console.log(querry, "total")';
  const ambient = { meant: (name) => (name === 'githb' ? 'github' : undefined), modules: () => [{ listIssues() {} }] };
  const told = (type, message, source = '', modules = []) => hint(type, message, source, modules, ambient);
  assert.equal(told('ReferenceError', 'querry is not defined', source), 'did you mean `query`?');
  assert.equal(told('ReferenceError', 'consol is not defined', 'x'), 'did you mean `console`?');
  assert.equal(told('ReferenceError', 'githb is not defined', 'x'), 'did you mean `github`?');
  assert.equal(told('ReferenceError', 'zzz is not defined', source), undefined);
  assert.match(told('ReferenceError', 'require is not defined', "require('lodash')"), /`createRequire` of 'node:module'/);
  assert.equal(told('TypeError', 'db.readQuerry is not a function', '', [{ readQuery() {} }]), 'did you mean `readQuery`?');
  assert.equal(told('TypeError', 'github.listIssue is not a function'), 'did you mean `listIssues`?');
  assert.equal(told('TypeError', 'x is not a function', '', [{ y() {} }]), undefined);
  assert.equal(told('TypeError', `can't access property "query", tools.githb is undefined`), 'did you mean `github`?');
});
