// The component's `main`, around the adapter.

import { run } from './portable.js';
import './main.js';
import { warmAgain } from './warm_up.js';

export async function main(args) {
  warmAgain();
  return await run(args);
}
