// Namespaces of tools as the modules that scripts import, and the global `tools`.

import { argumentsText } from './binding.js';
import { builtin } from './builtins.js';
import { call, callTool, failed, head, news } from './calls.js';
import { DESCRIBE, NAMESPACE, NAMESPACES, SEARCH, listen, operate } from './seam.js';
import { nearest } from './names.js';
import { nodeNamespace } from './nodes.js';
import { isNode } from './resolve.js';
import {
  TheError,
  TheMap,
  TheProxy,
  TheSyntaxError,
  charCode,
  create,
  defineProperty,
  freeze,
  hasOwn,
  isArray,
  keys,
  lowerCase,
  mapClear,
  mapGet,
  mapHas,
  mapSet,
  push,
  slice,
  startsWith,
  endsWith,
  indexOf,
  upperCase,
  weakMapGet,
  weakMapSet,
} from './primordials.js';
import { guarded } from './promises.js';
import { encodeArguments, quoted } from './values.js';

const { Symbol } = globalThis;

/** By name at the host, the promise of a namespace's object. */
const known = new TheMap();

/** By name at the host, a namespace's object. */
const made = new TheMap();

/** By function, the full name of its tool. */
const toolNames = new WeakMap();

/** `get_sum` is also `getSum`. */
function camelName(name) {
  let text = '';
  for (let i = 0; i < name.length; i++) {
    const next = name[i + 1];
    const inside = i > 0 && text !== '' && !isUnderscores(text);
    if (name[i] === '_' && inside && next !== undefined && isLetter(charCode(next, 0))) {
      text += upperCase(next);
      i++;
    } else {
      text += name[i];
    }
  }
  return text;
}

function isLetter(code) {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90);
}

function isUnderscores(text) {
  for (let i = 0; i < text.length; i++) if (text[i] !== '_') return false;
  return true;
}

/** The function of one tool. */
function toolFunction(namespace, { name, attribute, parameters, 'object-first': objectFirst }) {
  const full = `${namespace}.${name}`;
  const start = head(full);
  const begun = async (args) => await call(full, start, argumentsText(full, parameters, objectFirst === true, args));
  const named = {
    [camelName(attribute)](...args) {
      return guarded(begun(args), full);
    },
  };
  const tool = named[camelName(attribute)];
  defineProperty(tool, 'length', { __proto__: null, value: parameters.length, configurable: true });
  weakMapSet(toolNames, tool, full);
  return freeze(tool);
}

/** Members of these names are called by JavaScript itself, `then` by every `await`. */
export const OWN = { __proto__: null, then: true, toJSON: true, toString: true, valueOf: true };

/** What a spelling of a tool is called as a member. */
export function reserved(spelling) {
  return OWN[spelling] === true ? `${spelling}_` : spelling;
}

/** The members that a tool may be: the one that is shown, the identifier, its owner's spelling. */
function spellings({ attribute, name }) {
  return [reserved(camelName(attribute)), reserved(attribute), reserved(name)];
}

/** The object that `import * as x` gives: its tools by each of their names, and itself as `default`. */
function moduleOf({ name, tools }) {
  const found = create(null);
  add(found, name, tools);
  hide(found, 'default', found);
  defineProperty(found, Symbol.toStringTag, { __proto__: null, value: 'Module' });
  mapSet(made, name, found);
  return found;
}

/** Makes tools members, those excepted that are. No member can be replaced or taken away. */
function add(found, namespace, tools) {
  const names = shownNames(tools);
  const functions = [];
  for (let i = 0; i < tools.length; i++) {
    functions[i] = toolFunction(namespace, tools[i]);
    define(found, names[i], functions[i], true);
  }
  for (let i = 0; i < tools.length; i++) hide(found, spellings(tools[i])[1], functions[i]);
  for (let i = 0; i < tools.length; i++) hide(found, spellings(tools[i])[2], functions[i]);
}

/** The names by which tools are shown, in order. */
export function shownNames(tools) {
  const claims = claimsOf(tools);
  const names = [];
  for (let i = 0; i < tools.length; i++) {
    const [shown, attribute] = spellings(tools[i]);
    // A spelling that two tools could have is neither's.
    push(names, claims[shown] === 1 ? shown : attribute);
  }
  return names;
}

/** How many tools each spelling could mean. */
function claimsOf(tools) {
  const claims = create(null);
  for (let i = 0; i < tools.length; i++) {
    const [shown, attribute, own] = spellings(tools[i]);
    claims[shown] = (claims[shown] ?? 0) + 1;
    if (attribute !== shown) claims[attribute] = (claims[attribute] ?? 0) + 1;
    if (own !== shown && own !== attribute) claims[own] = (claims[own] ?? 0) + 1;
  }
  return claims;
}

function hide(object, name, value) {
  define(object, name, value, false);
}

function define(object, name, value, enumerable) {
  if (!hasOwn(object, name)) defineProperty(object, name, { __proto__: null, value, enumerable });
}

/** Namespaces that scripts have get the tools that they did not have. */
function changed(names) {
  const asked = [];
  for (let i = 0; i < names.length; i++) {
    const found = mapGet(made, names[i]);
    if (found !== undefined) push(asked, renewed(names[i], found));
  }
  if (asked.length > 0) news.pending = settled(asked);
}
listen(changed);

async function renewed(name, found) {
  try {
    add(found, name, (await operate(NAMESPACE, `{"name":${quoted(name)}}`)).tools);
  } catch {
    // What the script has goes on to be there.
  }
}

async function settled(asked) {
  for (let i = 0; i < asked.length; i++) await asked[i];
  news.pending = undefined;
}

/** The namespace of that name, or of the only name that differs in case, `-` and `_` alone. */
export function namespace(name) {
  let found = mapGet(known, name);
  if (found === undefined) {
    found = fetched(name);
    mapSet(known, name, found);
  }
  return found;
}

/** A namespace that this run has looked up, by its name at the host. */
export function opened(name) {
  return mapHas(known, name) ? mapGet(made, name) : undefined;
}

/** A run of a session begins: what it imports is asked for anew, since nobody tells of changes between runs. */
export function refresh() {
  mapClear(known);
}

/** For the warm-up: as if no namespace was known. */
export function forget() {
  mapClear(known);
  mapClear(made);
  news.pending = undefined;
}

async function fetched(name) {
  let failure;
  try {
    return moduleOf(await operate(NAMESPACE, `{"name":${quoted(name)}}`));
  } catch (told) {
    failure = told;
  }
  // One that is known and cannot be used says why.
  if (failure.kind !== 'unknown-tool') throw failed(failure, name);
  const all = await operate(NAMESPACES, '{}');
  const same = [];
  for (let i = 0; i < all.length; i++) {
    if (all[i] === name) throw failed(failure, name);
    if (folded(all[i]) === folded(name)) push(same, all[i]);
  }
  if (same.length === 1) return await namespace(same[0]);
  throw new TheError(`there is no tool namespace \`${name}\`${nearest(name, all)}`);
}

export function folded(name) {
  let text = '';
  for (let i = 0; i < name.length; i++) if (name[i] !== '_' && name[i] !== '-') text += name[i];
  return lowerCase(text);
}

/** The modules that a script imports, in that order; SyntaxError if a name is not there. `shared` are those of a tool file. */
export async function imported(imports, promises, shared) {
  const pending = [];
  for (let i = 0; i < imports.length; i++) push(pending, moduleFor(imports[i], promises, shared));
  const modules = [];
  let failure;
  for (let i = 0; i < imports.length; i++) {
    try {
      push(modules, await pending[i]);
      check(imports[i], modules[i], promises);
    } catch (error) {
      // The first of them is reported; the others must not count as unhandled.
      failure ??= { __proto__: null, error, import: imports[i] };
    }
  }
  return { __proto__: null, modules, failure };
}

/** Set by `run.js`: what loads a module of a file. */
let fromFile;
export function loadFilesBy(load) {
  fromFile = load;
}

async function moduleFor({ namespace: name, module, shared: index, file, names, perhaps }, promises, shared) {
  // The host has checked the names.
  if (index !== undefined) return shared[index];
  if (file !== undefined) return await (perhaps === true ? typesOf(file) : fromFile(file));
  if (module !== undefined) return startsWith(module, 'node:') ? nodeNamespace(slice(module, 5)) : builtin(module, names);
  return promises ? promised(name, names) : await namespace(name);
}

/** A file of which a script of a session may want types only: they are not there, and neither may be the file. */
async function typesOf(file) {
  try {
    return await fromFile(file);
  } catch (error) {
    if (error?.code === 'ERR_MODULE_NOT_FOUND') return create(null);
    throw error;
  }
}

/** While a tool file is only read, it may import whatever tools it will call: they are looked up when it runs. */
function promised(name, names) {
  const tool = (own) => async (...args) => await callTool(`${name}.${own}`, args[0]);
  return new TheProxy(create(null), {
    __proto__: null,
    // Not a promise, whatever it answers else.
    get: (target, own) => (typeof own === 'string' && own !== 'then' ? tool(own) : undefined),
    has: () => true,
    getOwnPropertyDescriptor: (target, own) =>
      typeof own === 'string' ? { value: tool(own), writable: true, enumerable: true, configurable: true } : undefined,
  });
}

export function check({ namespace: name, module: own, shared, file, names }, module, promises) {
  if (file !== undefined || (own !== undefined && startsWith(own, 'node:'))) {
    for (let i = 0; i < names.length; i++) {
      if (hasOwn(module, names[i])) continue;
      throw new TheSyntaxError(`The requested module '${file ?? own}' does not provide an export named '${names[i]}'`);
    }
  }
  if (own !== undefined || shared !== undefined || file !== undefined || promises) return;
  for (let i = 0; i < names.length; i++) {
    if (hasOwn(module, names[i])) continue;
    if (hasOwn(module, reserved(names[i]))) {
      const why = 'JavaScript itself calls members of that name';
      throw new TheSyntaxError(`\`${names[i]}\` of \`${name}\` is \`${reserved(names[i])}\` here: ${why}`);
    }
    throw new TheSyntaxError(`the tools of \`${name}\` have no \`${names[i]}\`${nearest(names[i], keys(module))}`);
  }
}

/** `import()` at run time. */
export async function dynamicImport(specifier) {
  const text = `${specifier}`;
  const name = namespaceOf(text);
  if (name !== undefined) return await namespace(name);
  if (startsWith(text, 'node:') || isNode(text)) return nodeNamespace(startsWith(text, 'node:') ? slice(text, 5) : text);
  if (indexOf(text, '/_') >= 0) {
    throw new TheError(`there is no module \`${text}\` here: a tool file imports shared code at its top, \`import .. from '${text}'\``);
  }
  const all = await operate(NAMESPACES, '{}');
  throw new TheError(`there is no module \`${text}\`: a script imports tools${nearest('', all, './tools/')}`);
}

/** `./tools/database`, `tools/database.js`: undefined for anything else. */
export function namespaceOf(specifier) {
  let text = specifier;
  if (startsWith(text, './')) text = slice(text, 2);
  else if (startsWith(text, '../')) text = slice(text, 3);
  else if (startsWith(text, '/')) text = slice(text, 1);
  if (startsWith(text, 'servers/')) text = slice(text, 8);
  else if (startsWith(text, 'tools/')) text = slice(text, 6);
  else return undefined;
  for (let i = 0; i < extensions.length; i++) {
    if (endsWith(text, extensions[i])) text = slice(text, 0, -extensions[i].length);
  }
  if (endsWith(text, '/index')) text = slice(text, 0, -6);
  return text === '' || indexOf(text, '/') >= 0 ? undefined : text;
}
const extensions = ['.js', '.mjs', '.ts', '.mts'];

/** The functions of the global `tools`. */
export const functions = freeze({
  __proto__: null,
  /** The tools that fit a query best, none if nothing fits; detail is 'names', 'brief' or 'full'. */
  search(query, limit, detail) {
    return guarded(search(query, limit, detail), 'tools.search');
  },
  /** Signatures and schemas of tools, by full name or by function. */
  describe(...names) {
    return guarded(describe(names), 'tools.describe');
  },
  /** The names of all namespaces. */
  namespaces() {
    return guarded(asked(NAMESPACES, '{}'), 'tools.namespaces');
  },
});

async function search(query = '', limit = 10, detail = 'brief') {
  const question = `"query":${quoted(`${query}`)},"limit":${encodeArguments(+limit)},"detail":${quoted(`${detail}`)}`;
  return await asked(SEARCH, `{${question}}`);
}

async function describe(names) {
  const wanted = [];
  for (let i = 0; i < names.length; i++) {
    if (isArray(names[i])) for (let j = 0; j < names[i].length; j++) push(wanted, nameOf(names[i][j]));
    else push(wanted, nameOf(names[i]));
  }
  return await asked(DESCRIBE, `{"names":${encodeArguments(wanted)}}`);
}

function nameOf(tool) {
  return typeof tool === 'function' ? (weakMapGet(toolNames, tool) ?? tool.name) : `${tool}`;
}

async function asked(operation, payload) {
  let failure;
  try {
    return await operate(operation, payload);
  } catch (told) {
    failure = told;
  }
  throw failed(failure, undefined);
}
