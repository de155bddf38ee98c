// `assert`: the package of that name.

import { need, packaged, provide } from './registry.js';

provide('assert', () => {
  const assert = packaged('assert');
  return assert;
});
provide('assert/strict', () => need('assert').strict);
