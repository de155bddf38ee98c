// The JavaScript guest's adapter: everything between `wit/guest.wit` and a script.
//
// This module and what it imports are evaluated once, when the guest is built; what is
// left in memory is where each run begins. See `../build/build.mjs`.

import { tools } from './ambient.js';
import { artifact, image, progress, text } from './artifacts.js';
import * as base64 from './base64.js';
import * as builtins from './builtins.js';
import { ToolError, callTool } from './calls.js';
import { content } from './content.js';
import * as console from './console.js';
import * as errors from './errors.js';
import { files } from './files.js';
import { states } from './inspect.js';
import * as intl from './intl/index.js';
import * as json from './json.js';
import * as locale from './locale.js';
import * as node from './node/globals.js';
import { define } from './primordials.js';
import * as process from './process.js';
import * as run from './run.js';
import { adapter } from './seam.js';
import { stdin } from './stdin.js';
import { stateOf } from './taken.js';
import * as timers from './timers.js';
import { warmAgain, warmUp } from './warm_up.js';
import * as web from './web.js';

adapter.start = run.start;
adapter.complete = run.complete;
adapter.deliver = timers.begin;
adapter.nothing = run.nothing;
adapter.drained = run.drained;
adapter.warmAgain = warmAgain;
states.of = stateOf;

builtins.install();
base64.install();
errors.install();
json.install();
locale.install();
intl.install(globalThis, locale.compared);
web.install(globalThis);
timers.install(globalThis);
console.install(globalThis);
process.install(globalThis, run.exits);
node.install(globalThis, process.process);
for (const [name, value] of Object.entries({ ToolError, callTool, tools, progress, image, text, artifact, content, files, stdin })) {
  define(globalThis, name, value);
}
await warmUp();

/** The embedding wants the world's exports; `../bindings.js` answers them. */
export function start() {}
export function deliver() {}
