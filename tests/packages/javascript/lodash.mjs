import _ from 'lodash';
import get from 'lodash/get.js';

const people = [{ name: 'ann', age: 30, tags: ['x'] }, { name: 'bob', age: 20, tags: [] }, { name: 'cy', age: 30, tags: ['y', 'z'] }];
console.log(_.groupBy(people, 'age'), _.map(_.orderBy(people, ['age', 'name'], ['asc', 'desc']), 'name'), _.sumBy(people, 'age'), _.keyBy(people, 'name').bob.age);
console.log(get(people, '[0].tags[0]'), _.set({}, 'a.b[1].c', 1), _.chunk([1, 2, 3, 4, 5], 2), _.uniqBy(people, 'age').length, _.difference([1, 2, 3], [2]));
const original = { a: [1, { b: new Date(0) }], m: new Map([['k', new Set([1])]]), r: /x/gi };
const copy = _.cloneDeep(original);
console.log(_.isEqual(copy, original), copy.a[1] !== original.a[1], _.merge({ a: { b: 1, c: [1, 2] } }, { a: { d: 2, c: [3] } }), _.pick({ a: 1, b: 2 }, 'a'), _.omit({ a: 1, b: 2 }, 'a'));
console.log(_.camelCase('foo-bar baz'), _.kebabCase('fooBarBaz'), _.startCase('foo_bar'), _.truncate('a long text here', { length: 10 }), _.deburr('déjà vu'), _.words('one, two & three'), _.escape('<a & b>'), _.padStart('7', 3, '0'));
console.log(_.template('Hi <%= name %><% items.forEach(i => { %> <%- i %><% }) %>')({ name: 'A', items: ['<', 2] }), _(people).filter((p) => p.age > 25).map('name').join('|'), _.range(0, 10, 3), _.zipObject(['a', 'b'], [1, 2]));
const calls = [];
const debounced = _.debounce((n) => calls.push(n), 5);
[1, 2, 3].forEach((n) => debounced(n));
debounced.flush();
console.log(calls, _.memoize((n) => n * 2)(4), _.curry((a, b) => a + b)(1)(2), _.flow([(n) => n + 1, (n) => n * 2])(3), _.partition([1, 2, 3], (n) => n > 1), _.isPlainObject({}), _.defaultsDeep({ a: { b: 1 } }, { a: { c: 2 } }));
