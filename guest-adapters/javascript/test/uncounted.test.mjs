// Functions that count how often they are called no longer do.

import assert from 'node:assert';
import test from 'node:test';

import { withoutCounts } from '../build/uncounted.mjs';

const COUNTS = '2400' + '2002200228020441016a360204';
const NOT = '2400' + '01'.repeat(13);
const engine = (count, text) => Buffer.from(`aa${`${text}bb`.repeat(count)}`, 'hex');

test('each count is taken out, and nothing moves', () => {
  assert.deepStrictEqual(withoutCounts(engine(25, COUNTS)), engine(25, NOT));
});

test('an engine that is another is refused', () => {
  for (const count of [0, 24, 26]) {
    assert.throws(() => withoutCounts(engine(count, COUNTS)), new RegExp(`counts in ${count} functions, not 25`));
  }
});
