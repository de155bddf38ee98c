// Nothing is rehearsed while a component is built.

import { startClock } from './primordials.js';

export function warmUp() {}

export function warmAgain() {
  startClock();
}
