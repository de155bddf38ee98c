import { chunk, cloneDeep, countBy, debounce, flattenDeep, intersectionWith, isEmpty, isEqual, mapValues, once, sortBy, throttle, transform, unset, upperFirst } from 'lodash-es';
import isMatch from 'lodash-es/isMatch.js';

console.log(chunk('abcdef', 4), countBy([1.2, 1.9, 2.1], Math.floor), flattenDeep([1, [2, [3, [4]]]]), sortBy([{ n: 2 }, { n: 1 }], 'n'));
console.log(mapValues({ a: { n: 1 }, b: { n: 2 } }, 'n'), intersectionWith([{ x: 1 }, { x: 2 }], [{ x: 2 }], isEqual), upperFirst('word'), [isEmpty({}), isEmpty('x'), isEmpty(new Map())]);
const buffer = cloneDeep({ bytes: new Uint8Array([1, 2]), big: 3n, symbol: Symbol.iterator, nested: [[new Error('e')]] });
console.log(buffer.bytes, buffer.big, buffer.nested[0][0].message ?? null, isMatch({ a: { b: 1, c: 2 } }, { a: { b: 1 } }));
const object = { a: { b: { c: 1 } } };
console.log(unset(object, 'a.b.c'), object, transform([2, 3, 4], (result, n) => { result.push(n * n); return n % 2 === 0; }, []));
let count = 0;
const initialize = once(() => ++count);
initialize();
initialize();
const throttled = throttle(() => ++count, 1000, { trailing: false });
throttled();
throttled();
console.log(count, await new Promise((resolve) => debounce(resolve, 1)('later')));
