import * as R from 'ramda';

const people = [{ name: 'ann', age: 30 }, { name: 'bob', age: 20 }, { name: 'cy', age: 30 }];
console.log(R.pipe(R.filter(R.propSatisfies(R.gt(R.__, 25), 'age')), R.pluck('name'), R.join(', '))(people), R.groupBy(R.prop('age'), people), R.sortWith([R.descend(R.prop('age')), R.ascend(R.prop('name'))], people).map(R.prop('name')));
console.log(R.assocPath(['a', 'b', 0], 1, {}), R.path(['a', 'b'], { a: { b: 2 } }), R.over(R.lensPath(['x', 'y']), R.inc, { x: { y: 1 } }), R.evolve({ n: R.negate }, { n: 1, m: 2 }), R.mergeDeepRight({ a: { b: 1 } }, { a: { c: 2 } }));
console.log(R.curry((a, b, c) => a + b + c)(1)(2, 3), R.compose(R.toUpper, R.trim)(' x '), R.reduce(R.max, -Infinity, [3, 9, 2]), R.zipWith(R.multiply, [1, 2], [3, 4]), R.splitEvery(2, [1, 2, 3]), R.transpose([[1, 2], [3, 4]]), R.equals(new Map([[1, [2]]]), new Map([[1, [2]]])));
console.log(R.cond([[R.lt(R.__, 0), R.always('neg')], [R.T, R.toString]])([1, { a: 'b' }]), R.converge(R.divide, [R.sum, R.length])([1, 2, 3]), R.into([], R.compose(R.map(R.inc), R.take(2)), [1, 2, 3]), R.tryCatch(() => { throw new Error('e'); }, (error) => error.message)(), R.uniqBy(Math.abs, [-1, 1, 2]), R.invertObj({ a: 1 }), R.type(/x/), R.range(1, 4), R.partition(R.includes('s'), ['sss', 'ttt']), R.where({ a: R.equals(1) }, { a: 1 }));
console.log(await R.andThen(R.inc, Promise.resolve(1)), R.memoizeWith(String, R.identity)(4), R.difference([1, 2, 3], [3]), R.aperture(2, [1, 2, 3]), R.applySpec({ sum: R.add, nested: { product: R.multiply } })(2, 3));
