// The modules that the guest itself has: `wxmcp` (also by the names of the seed) and `zod`.

import * as zod from './zod/index.js';

import { callMCPTool, tools } from './ambient.js';
import { artifact, image, progress, text } from './artifacts.js';
import { ToolError, callTool } from './calls.js';
import { content } from './content.js';
import { directory, sql } from './capabilities.js';
import { http } from './fetch.js';
import { createTool } from './toolfile.js';
import { TheSyntaxError, create, defineProperty, freeze, hasOwn } from './primordials.js';

/** APIs that other runtimes of this kind have, and what does it here. */
const ON_THE_HOST = {
  __proto__: null,
  createSandbox: '`[limits]` and `[policy]` of `wxmcp.toml`',
  createRateLimiter: '`[limits]` of `wxmcp.toml`',
  loadTools: 'the folder `tools/`, which wxmcp reads itself',
};

function sealed(members) {
  const module = create(null);
  for (const name of Object.keys(members)) module[name] = members[name];
  if (!hasOwn(module, 'default')) defineProperty(module, 'default', { __proto__: null, value: module, enumerable: false });
  defineProperty(module, Symbol.toStringTag, { __proto__: null, value: 'Module' });
  return freeze(module);
}

const modules = create(null);

/** When all that the modules are made of has been evaluated. */
export function install() {
  // It would make functions from text to check faster, which only pays for thousands of values.
  zod.config({ jitless: true });
  const mcp = freeze({ __proto__: null, callTool });
  modules.wxmcp = sealed({ ToolError, artifact, callMCPTool, callTool, content, createTool, directory, http, image, mcp, progress, sql, text, tools });
  modules.zod = sealed(zod);
}

/** The module of that name; says what to do instead where a name is the host's. */
export function builtin(name, names) {
  const module = modules[name];
  for (let i = 0; i < names.length; i++) {
    if (hasOwn(module, names[i])) continue;
    const instead = ON_THE_HOST[names[i]];
    if (instead !== undefined) {
      throw new TheSyntaxError(`\`${names[i]}\` is not for code inside the sandbox: use ${instead}`);
    }
    throw new TheSyntaxError(`\`${name}\` has no \`${names[i]}\``);
  }
  return module;
}
