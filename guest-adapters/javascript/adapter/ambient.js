// Tools by the names that scripts use and declare nowhere: a namespace as a global, `tools.github`,
// and what other hosts call them: `codemode.list_issues(..)`, `mcp['my-server']`, `list_issues(..)`.
//
// Looking such a name up starts no server: what a namespace has is asked at the first call. Until then
// a member stands for whatever tool its name will mean, and what only a list could tell is an error.

import { callTool, failed, flat } from './calls.js';
import { read } from './json.js';
import { isNear, nearest } from './names.js';
import {
  TheMap,
  TheProxy,
  TheReferenceError,
  TheTypeError,
  create,
  defineProperty,
  getOwnPropertyDescriptor,
  hasOwn,
  indexOf,
  join,
  keys,
  lastIndexOf,
  mapClear,
  mapDelete,
  mapForEach,
  mapGet,
  mapSet,
  ownKeys,
  push,
  slice,
  startsWith,
} from './primordials.js';
import { guarded } from './promises.js';
import { DESCRIBE, NAMESPACES, operate } from './seam.js';
import { known } from './taken.js';
import { OWN, folded, functions as toolFunctions, namespace, opened, reserved, shownNames } from './tooltree.js';
import { encodeArguments, quoted } from './values.js';

const globals = globalThis;
const { Symbol } = globalThis;
const CUSTOM = Symbol.for('nodejs.util.inspect.custom');

/** The names of all namespaces; undefined until a run has asked. */
let spaces;

/** By name, a namespace that is looked up when a tool of it is called. */
const lazy = new TheMap();

/** By a name without namespace, the promise of the tool's full name. */
const resolved = new TheMap();

/** Members of `tools` that the script calls, so that they may be tools: `tools.list_issues(..)`. */
let members = create(null);

/** Asks which namespaces there are, and makes globals of the names that a script uses. */
export async function bind(ambient) {
  try {
    spaces = await operate(NAMESPACES, '{}');
  } catch {
    spaces = [];
  }
  bindNames(ambient);
}

/** The same for a module that is loaded while the script runs: `require` cannot wait. */
export function bindAtOnce(ambient) {
  spaces ??= known === undefined ? [] : read(known('{}'));
  bindNames(ambient);
}

function bindNames({ names, called, members: used, open }) {
  for (let i = 0; used !== undefined && i < used.length; i++) members[used[i]] = true;
  for (let i = 0; i < names.length; i++) {
    const found = globalOf(names[i]);
    if (found !== undefined) put(names[i], found);
  }
  if (open === true) for (let i = 0; i < spaces.length; i++) put(spaces[i], lazyNamespace(spaces[i]));
  if (spaces.length === 0 || called === undefined) return;
  for (let i = 0; i < called.length; i++) put(called[i], flatFunction(called[i], called[i]));
}

/** What a name of no declaration is; undefined where it may be a tool at most. */
function globalOf(name) {
  const space = spaceOf(name);
  if (space !== undefined) return lazyNamespace(space);
  if (OTHERS[name] !== undefined) return OTHERS[name];
  // A bridge of another host has `mcp_github`, and one function for each tool.
  if (startsWith(name, 'mcp_') && spaceOf(slice(name, 4)) !== undefined) return lazyNamespace(spaceOf(slice(name, 4)));
  return isJoined(name) ? flatFunction(name, name) : undefined;
}

/** What was there before wins. */
function put(name, value) {
  if (hasOwn(globals, name)) return;
  try {
    defineProperty(globals, name, { __proto__: null, value, writable: true, enumerable: false, configurable: true });
  } catch {
    // The script has closed its global object.
  }
}

/** The namespace of that name, or of the only name that differs in case, `-` and `_` alone. */
function spaceOf(name) {
  let found;
  let count = 0;
  for (let i = 0; spaces !== undefined && i < spaces.length; i++) {
    if (spaces[i] === name) return name;
    if (folded(spaces[i]) !== folded(name)) continue;
    found = spaces[i];
    count++;
  }
  return count === 1 ? found : undefined;
}

/** Whether a name begins with that of a namespace: `github_list_issues`, `mcp__github__list_issues`. */
function isJoined(name) {
  let text = name;
  if (startsWith(text, 'mcp__')) text = slice(text, 5);
  for (let i = 0; spaces !== undefined && i < spaces.length; i++) {
    if (text.length > spaces[i].length + 1 && startsWith(text, `${spaces[i]}_`)) return true;
  }
  return false;
}

/** The nearest namespace to a name that is not defined. */
export function meant(name) {
  for (let i = 0; spaces !== undefined && i < spaces.length; i++) {
    if (spaces[i] !== name && isNear(name, spaces[i])) return spaces[i];
  }
  return undefined;
}

/** The namespaces whose tools are known, for hints. */
export function modules() {
  const found = [];
  mapForEach(lazy, (_, name) => {
    const module = opened(name);
    if (module !== undefined) push(found, module);
  });
  return found;
}

/** A new run: namespaces may be others, tools as well. */
export function refresh() {
  mapClear(lazy);
  mapClear(resolved);
}

/** For the warm-up: as if no script had run. */
export function forget() {
  refresh();
  spaces = undefined;
  members = create(null);
}

function lazyNamespace(name) {
  let found = mapGet(lazy, name);
  if (found === undefined) {
    found = new TheProxy(create(null), handlerOf(name));
    mapSet(lazy, name, found);
  }
  return found;
}

function handlerOf(name) {
  const functions = new TheMap();
  const { textOf } = {
    textOf: () => `[tools of ${name}]`,
  };
  const module = () => opened(name);
  const tool = (member) => {
    let found = mapGet(functions, member);
    if (found === undefined) {
      found = laterFunction(name, member);
      mapSet(functions, member, found);
    }
    return found;
  };
  // Until a tool is called: the tools that are known without starting a server.
  let kept;
  const listed = () => {
    const found = module() ?? (kept = knownTools(name, tool));
    if (found !== undefined) return found;
    throw new TheTypeError(
      `the tools of \`${name}\` are listed when one is called: \`await import('./tools/${name}')\` lists them now`,
    );
  };
  return {
    __proto__: null,
    get(target, member, self) {
      if (member === CUSTOM) return () => `[tools of ${name}]`;
      if (member === 'default') return self;
      const found = module();
      if (found !== undefined) return found[member];
      if (typeof member === 'symbol') return member === Symbol.toStringTag ? 'Module' : undefined;
      if (member === 'toJSON') return textOf;
      return OWN[member] === true ? undefined : tool(member);
    },
    has: (target, member) => (typeof member === 'symbol' ? member === Symbol.toStringTag : member in listed()),
    ownKeys: () => ownKeys(listed()),
    getOwnPropertyDescriptor(target, member) {
      const found = module() ?? kept ?? listed();
      const own = getOwnPropertyDescriptor(found, member);
      if (own === undefined) return undefined;
      return { __proto__: null, value: found[member], writable: true, enumerable: own.enumerable, configurable: true };
    },
    set: () => false,
    defineProperty: () => false,
    deleteProperty: () => false,
    preventExtensions: () => false,
    setPrototypeOf: () => false,
  };
}

/** An object of the tools of a namespace that are known without a start; undefined where none are. */
function knownTools(name, tool) {
  if (known === undefined) return undefined;
  const tools = read(known(`{"name":${quoted(name)}}`));
  if (tools === null) return undefined;
  const listed = [];
  for (let i = 0; i < tools.length; i++) push(listed, { __proto__: null, attribute: tools[i][0], name: tools[i][1] });
  const found = create(null);
  const names = shownNames(listed);
  for (let i = 0; i < names.length; i++) defineProperty(found, names[i], { __proto__: null, value: tool(names[i]), enumerable: true });
  for (let i = 0; i < tools.length; i++) {
    for (let j = 0; j < 2; j++) {
      const other = reserved(tools[i][j]);
      if (!hasOwn(found, other)) defineProperty(found, other, { __proto__: null, value: tool(other), enumerable: false });
    }
  }
  defineProperty(found, Symbol.toStringTag, { __proto__: null, value: 'Module' });
  return found;
}

/** The function of a tool whose namespace is looked up when it is called. */
function laterFunction(name, member) {
  return named(member, `${name}.${member}`, async (args) => await toolOf(await namespace(name), name, member)(...args));
}

function toolOf(module, name, member) {
  if (hasOwn(module, member)) return module[member];
  if (hasOwn(module, reserved(member))) return module[reserved(member)];
  throw new TheTypeError(`${name}.${member} is not a function: the tools of \`${name}\` have no \`${member}\`${nearest(member, keys(module))}`);
}

/** The function of a tool by a name that has no namespace; `shown` is what the script calls it. */
function flatFunction(name, shown) {
  return named(name, shown, async (args) => {
    const full = await fullName(name, shown);
    const dot = indexOf(full, '.');
    const own = slice(full, dot + 1);
    return await toolOf(await namespace(slice(full, 0, dot)), slice(full, 0, dot), own)(...args);
  });
}

function named(name, full, begun) {
  const functions = {
    [name](...args) {
      return guarded(later(begun, args), full);
    },
  };
  return functions[name];
}

/** Arguments are read at the call, though it has to wait. */
async function later(begun, args) {
  const kept = [];
  for (let i = 0; i < args.length; i++) {
    const value = args[i];
    const isCopied = typeof value === 'object' && value !== null;
    push(kept, isCopied ? read(` ${encodeArguments(value)}`) : value);
  }
  return await begun(kept);
}

/** The full name of the only tool that a name without namespace can mean; rejected as the host refuses it. */
async function resolve(name) {
  let found = mapGet(resolved, name);
  if (found === undefined) {
    found = operate(DESCRIBE, `{"names":[${quoted(name)}]}`);
    mapSet(resolved, name, found);
  }
  let failure;
  try {
    return (await found)[0].name;
  } catch (told) {
    failure = told;
  }
  // A later call may bring such a tool.
  mapDelete(resolved, name);
  throw failed(failure, name);
}
flat.resolve = resolve;

async function fullName(name, shown) {
  let failure;
  try {
    return await resolve(name);
  } catch (error) {
    failure = error;
  }
  if (failure.kind !== 'unknown-tool') throw failure;
  if (lastIndexOf(shown, '.') < 0) throw new TheReferenceError(`${shown} is not defined${why(failure)}`);
  throw new TheTypeError(`${shown} is not a function${why(failure)}`);
}

/** What the host says of a name that means no tool, or several. */
function why({ message, data }) {
  if (data?.several !== undefined) return `: ${message}`;
  return data?.near === undefined ? '' : `; did you mean \`${join(data.near, '` or `')}\`?`;
}

/** `callMCPTool('github__create_issue', {..})`, and `callMCPTool('github', 'create_issue', {..})`. */
export function callMCPTool(name, ...given) {
  if (typeof given[0] !== 'string') return callTool(name, given[0]);
  return callTool(`${name}.${given[0]}`, given[1]);
}

/** An object whose members are the namespaces and what `more` finds; `own` are members that win. */
function view(own, label, more) {
  const target = create(null);
  const ownNames = keys(own);
  for (let i = 0; i < ownNames.length; i++) {
    defineProperty(target, ownNames[i], { __proto__: null, value: own[ownNames[i]], enumerable: true });
  }
  defineProperty(target, Symbol.toStringTag, { __proto__: null, value: label });
  const space = (name) => (typeof name === 'string' && !hasOwn(target, name) ? spaceOf(name) : undefined);
  return new TheProxy(target, {
    __proto__: null,
    get(_, name) {
      if (hasOwn(target, name)) return target[name];
      if (typeof name === 'symbol' || OWN[name] === true) return undefined;
      const found = space(name);
      return found === undefined ? more(name) : lazyNamespace(found);
    },
    has: (_, name) => hasOwn(target, name) || space(name) !== undefined,
    ownKeys() {
      const all = ownKeys(target);
      for (let i = 0; spaces !== undefined && i < spaces.length; i++) if (!hasOwn(target, spaces[i])) push(all, spaces[i]);
      return all;
    },
    getOwnPropertyDescriptor(_, name) {
      const found = space(name);
      if (found === undefined) return getOwnPropertyDescriptor(target, name);
      return { value: lazyNamespace(found), writable: true, enumerable: true, configurable: true };
    },
    set: () => false,
    defineProperty: () => false,
    deleteProperty: () => false,
    preventExtensions: () => false,
    setPrototypeOf: () => false,
  });
}

/** The global `tools`: its own functions, and the namespaces. */
export const tools = view(toolFunctions, 'tools', (name) => {
  return isJoined(name) || members[name] === true ? flatFunction(name, `tools.${name}`) : undefined;
});

/** `codemode.list_issues(..)`: all tools by their own names. */
const codemode = view(toolFunctions, 'codemode', (name) => flatFunction(name, `codemode.${name}`));

/** `mcp['my-server'].list_issues(..)` */
const mcp = view({ callTool, call_tool: callTool }, 'mcp', (name) => (isJoined(name) ? flatFunction(name, `mcp.${name}`) : undefined));

/** What other hosts call the tools; a namespace of such a name wins. */
const OTHERS = { __proto__: null, codemode, mcp, mcp_servers: mcp, callMCPTool, callMcpTool: callMCPTool, call_mcp_tool: callMCPTool, call_tool: callTool };
