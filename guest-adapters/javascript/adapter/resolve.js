// Where what a module imports is: a file beside it, a package in a `node_modules` above it, a module of Node's.
//
// Files are looked for by the rights of the script: what it may not see is not there. Endings may be left
// out, and TypeScript may write `./helper.js` for `helper.ts`.

import { note } from './errors.js';
import { joined, kindAt, partsOf, textAt } from './files.js';
import { names as nodeNames } from './node/index.js';
import { meant, namedIn, places } from './packages.js';
import {
  TheError,
  TheMap,
  TheTypeError,
  defineProperty,
  endsWith,
  hasOwn,
  indexOf,
  isArray,
  keys,
  lastIndexOf,
  mapClear,
  mapGet,
  mapSet,
  parse,
  push,
  slice,
  startsWith,
} from './primordials.js';

/** Modules of ours, by all their names. */
const OURS = {
  __proto__: null,
  wxmcp: 'wxmcp',
  '@anthropic/mcp-tools': 'wxmcp',
  '@anthropic/sandbox-runtime': 'wxmcp',
  zod: 'zod',
  'zod/v4': 'zod',
};

const ENDINGS = ['.js', '.json', '.mjs', '.cjs', '.ts', '.mts', '.cts'];
/** What TypeScript writes, and what may be meant. */
const WRITTEN = [['.js', '.ts'], ['.mjs', '.mts'], ['.cjs', '.cts']];
const CONDITIONS = { __proto__: null, import: ['node', 'import', 'module-sync', 'module', 'default'], require: ['node', 'require', 'module-sync', 'default'] };

/** What to do where some packages are not there. */
const INSTEAD = {
  __proto__: null,
  'fs-extra': 'use `node:fs` instead',
  'graceful-fs': 'use `node:fs` instead',
  axios: '`wxmcp add --javascript axios` installs it, or use the global `fetch`',
  'node-fetch': '`wxmcp add --javascript node-fetch` installs it, or use the global `fetch`',
  undici: '`wxmcp add --javascript undici` installs it, or use the global `fetch`',
  got: '`wxmcp add --javascript got` installs it, or use the global `fetch`',
  '@modelcontextprotocol/sdk': 'use the folder `tools/`, which wxmcp reads itself, instead',
};

/** By folder, its `package.json`, or null. */
const packages = new TheMap();

/** A run begins: files may have changed. */
export function begin() {
  mapClear(packages);
}

/** An error with Node's code. */
export function coded(error, code) {
  defineProperty(error, 'code', { __proto__: null, value: code, writable: true, enumerable: true, configurable: true });
  return error;
}

export function folderOf(path) {
  const end = lastIndexOf(path, '/');
  return end <= 0 ? '/' : slice(path, 0, end);
}

/** The `file:` URL of a path. */
export function urlOf(path) {
  let text = '';
  for (let i = 0; i < path.length; i++) {
    const at = indexOf(' "#%<>?[\\]^`{|}\n\r\t', path[i]);
    text += at < 0 ? path[i] : encode(path[i]);
  }
  return `file://${text}`;
}
const encode = encodeURIComponent;
const decode = decodeURIComponent;

/** The path of a `file:` URL. */
export function pathOfUrl(url) {
  let rest = slice(url, 5);
  if (startsWith(rest, '//')) rest = slice(rest, 2);
  if (startsWith(rest, 'localhost/')) rest = slice(rest, 9);
  if (indexOf(rest, '?') >= 0) rest = slice(rest, 0, indexOf(rest, '?'));
  if (indexOf(rest, '#') >= 0) rest = slice(rest, 0, indexOf(rest, '#'));
  return joined(partsOf(decode(rest)));
}

export function isNode(name) {
  for (let i = 0; i < nodeNames.length; i++) if (nodeNames[i] === name) return true;
  return name === 'module';
}

/** What a specifier in the module of a record means. A bundle knows it of its own modules. */
export function find(specifier, record, how) {
  const path = record.packed === undefined ? undefined : meant(record.packed, specifier, how);
  return path === undefined ? locate(specifier, record.path, how, record.seen) : { __proto__: null, path };
}

/**
 * What a specifier in a module means: {node}, {own} or {path}; `how` is 'import' or 'require', `from` the
 * module's path, `seen` says whether a mount shows it. What is not there is an error as Node's.
 */
export function locate(specifier, from, how, seen) {
  if (startsWith(specifier, 'node:')) return { __proto__: null, node: slice(specifier, 5) };
  if (isNode(specifier)) return { __proto__: null, node: specifier };
  if (OURS[specifier] !== undefined) {
    const path = OURS[specifier] === 'zod' ? instead(specifier, from, how) : undefined;
    return path === undefined ? { __proto__: null, own: OURS[specifier] } : { __proto__: null, path };
  }
  if (startsWith(specifier, 'file:')) return { __proto__: null, path: found(pathOfUrl(specifier), specifier, from, how, seen) };
  const isRelative = specifier === '.' || specifier === '..' || startsWith(specifier, './') || startsWith(specifier, '../');
  if (isRelative || startsWith(specifier, '/')) {
    const path = joined(partsOf(isRelative ? `${folderOf(from)}/${specifier}` : specifier));
    return { __proto__: null, path: found(path, specifier, from, how, seen) };
  }
  if (specifier[0] === '#') return { __proto__: null, path: inImports(specifier, from, how) };
  const scheme = indexOf(specifier, ':');
  if (scheme > 1) {
    const what = slice(specifier, 0, scheme + 1);
    throw coded(new TheError(`modules are imported from files and packages, not from '${what}' URLs: ${shown(specifier)}`), 'ERR_UNSUPPORTED_ESM_URL_SCHEME');
  }
  return { __proto__: null, path: inPackages(specifier, from, how) };
}

function shown(specifier) {
  return `'${slice(specifier, 0, 200)}'`;
}

function isThere(kind) {
  return kind === 'file' || kind === 'refused';
}

function found(path, specifier, from, how, seen) {
  const file = fileAt(path) ?? folderAt(path, how);
  if (file !== undefined) return file;
  throw missing(path, specifier, from, how, seen);
}

/** The file at a path, or the one that is meant; undefined where there is none. */
function fileAt(path) {
  if (isThere(kindAt(path))) return path;
  for (let i = 0; i < ENDINGS.length; i++) if (isThere(kindAt(path + ENDINGS[i]))) return path + ENDINGS[i];
  for (let i = 0; i < WRITTEN.length; i++) {
    if (!endsWith(path, WRITTEN[i][0])) continue;
    const meant = slice(path, 0, -WRITTEN[i][0].length) + WRITTEN[i][1];
    if (isThere(kindAt(meant))) return meant;
  }
  return undefined;
}

/** What a folder stands for: what its `package.json` says, or its `index`. */
function folderAt(path, how) {
  if (kindAt(path) !== 'directory') return undefined;
  const main = packageAt(path)?.main;
  if (typeof main === 'string') {
    const file = joined(partsOf(`${path}/${main}`));
    const there = fileAt(file) ?? (kindAt(file) === 'directory' ? fileAt(`${file}/index`) : undefined);
    if (there !== undefined) return there;
  }
  return fileAt(`${path === '/' ? '' : path}/index`);
}

function packageAt(folder) {
  let known = mapGet(packages, folder);
  if (known === undefined) {
    const path = `${folder === '/' ? '' : folder}/package.json`;
    known = null;
    if (kindAt(path) === 'file') {
      try {
        const value = parse(textAt(path));
        if (typeof value === 'object' && value !== null) known = value;
      } catch {
        // What cannot be read says nothing.
      }
    }
    mapSet(packages, folder, known);
  }
  return known;
}

/** The file that a package means by a specifier. */
function inPackages(specifier, from, how) {
  const { name, rest } = packageName(specifier);
  const file = ofItself(name, rest, from, how) ?? above(name, rest, from, how) ?? installed(name, rest, from, how);
  if (file === undefined) throw missingPackage(specifier, name, from, how);
  return file;
}

/** A package may import itself by its name, where it says what it exports. */
function ofItself(name, rest, from, how) {
  const folder = packageFolder(from);
  const own = folder === undefined ? undefined : packageAt(folder);
  if (own === undefined || own.name !== name || own.exports === undefined || own.exports === null) return undefined;
  return inFolder(folder, rest, from, how);
}

/** The folder of the package that a file is in. */
function packageFolder(from) {
  for (let folder = folderOf(from); !endsWith(folder, '/node_modules'); folder = folderOf(folder)) {
    if (packageAt(folder) !== null) return folder;
    if (folder === '/') return undefined;
  }
  return undefined;
}

/** What is in a `node_modules` of a folder above. */
function above(name, rest, from, how) {
  for (let folder = folderOf(from); ; folder = folderOf(folder)) {
    const file = inFolder(`${folder === '/' ? '' : folder}/node_modules/${name}`, rest, from, how);
    if (file !== undefined || folder === '/') return file;
  }
}

/** What is in the folders of packages that the host names. */
function installed(name, rest, from, how) {
  const folders = places();
  for (let i = 0; i < folders.length; i++) {
    const file =
      namedIn(folders[i], name, rest, how) ??
      inFolder(`${folders[i]}/node_modules/${name}`, rest, from, how);
    if (file !== undefined) return file;
  }
  return undefined;
}

/** The user's own package of a name that the guest has a module for. */
function instead(specifier, from, how) {
  const { name, rest } = packageName(specifier);
  const file = indexOf(from, '/node_modules/') < 0 ? undefined : above(name, rest, from, how);
  return file ?? installed(name, rest, from, how);
}

/** What a package in a folder means by a path of it; undefined where there is no such package. */
function inFolder(place, rest, from, how) {
  if (kindAt(place) !== 'directory') return undefined;
  const { exports } = packageAt(place) ?? { __proto__: null };
  if (exports === undefined || exports === null) return rest === '' ? folderAt(place, how) : fileAt(place + rest) ?? folderAt(place + rest, how);
  const target = exported(exports, rest === '' ? '.' : `.${rest}`, how);
  const file = target === undefined ? undefined : fileAt(joined(partsOf(`${place}/${target}`)));
  if (file !== undefined) return file;
  const what = rest === '' ? 'No "exports" main defined' : `Package subpath '.${rest}' is not defined by "exports"`;
  const importer = how === 'import' ? ` imported from ${from}` : '';
  throw coded(new TheError(`${what} in ${place}/package.json${importer}`), 'ERR_PACKAGE_PATH_NOT_EXPORTED');
}

/** What the package that a file is in means by a name of its own. */
function inImports(specifier, from, how) {
  const folder = packageFolder(from);
  const imports = folder === undefined ? undefined : packageAt(folder).imports;
  const target = typeof imports === 'object' && imports !== null ? matched(imports, specifier, how) : undefined;
  if (target !== undefined && !startsWith(target, './')) return inPackages(target, from, how);
  const file = target === undefined ? undefined : fileAt(joined(partsOf(`${folder}/${target}`)));
  if (file !== undefined) return file;
  const where = folder === undefined ? '' : ` in package ${folder === '/' ? '' : folder}/package.json`;
  const error = new TheTypeError(`Package import specifier "${slice(specifier, 0, 200)}" is not defined${where} imported from ${from}`);
  throw coded(error, 'ERR_PACKAGE_IMPORT_NOT_DEFINED');
}

function packageName(specifier) {
  let end = indexOf(specifier, '/');
  if (specifier[0] === '@' && end >= 0) end = indexOf(specifier, '/', end + 1);
  return end < 0
    ? { __proto__: null, name: specifier, rest: '' }
    : { __proto__: null, name: slice(specifier, 0, end), rest: slice(specifier, end) };
}

/** What `exports` of a package says of a path. */
function exported(exports, path, how) {
  if (typeof exports !== 'object' || isArray(exports)) return path === '.' ? chosen(exports, how, '') : undefined;
  const names = keys(exports);
  if (names.length > 0 && names[0][0] !== '.') return path === '.' ? chosen(exports, how, '') : undefined;
  return matched(exports, path, how);
}

/** The target of a name among `exports` or `imports`: its own, or that of the longest pattern that fits. */
function matched(targets, path, how) {
  if (hasOwn(targets, path)) return chosen(targets[path], how, '');
  const names = keys(targets);
  let best;
  let star = '';
  for (let i = 0; i < names.length; i++) {
    const at = indexOf(names[i], '*');
    if (at < 0) continue;
    const before = slice(names[i], 0, at);
    const after = slice(names[i], at + 1);
    if (!startsWith(path, before) || !endsWith(path, after) || path.length < names[i].length) continue;
    if (best !== undefined && names[i].length <= best.length) continue;
    best = names[i];
    star = slice(path, before.length, path.length - after.length);
  }
  return best === undefined ? undefined : chosen(targets[best], how, star);
}

/** The first target whose conditions hold. */
function chosen(target, how, star) {
  if (typeof target === 'string') {
    let text = target;
    for (let at = indexOf(text, '*'); at >= 0; at = indexOf(text, '*', at + star.length)) {
      text = slice(text, 0, at) + star + slice(text, at + 1);
      if (star === '') break;
    }
    return text;
  }
  if (isArray(target)) {
    for (let i = 0; i < target.length; i++) {
      const one = chosen(target[i], how, star);
      if (one !== undefined) return one;
    }
    return undefined;
  }
  if (typeof target !== 'object' || target === null) return undefined;
  const names = keys(target);
  for (let i = 0; i < names.length; i++) {
    if (indexOf(` ${conditions(how)} `, ` ${names[i]} `) < 0) continue;
    const one = chosen(target[names[i]], how, star);
    if (one !== undefined) return one;
  }
  return undefined;
}

function conditions(how) {
  let text = '';
  for (let i = 0; i < CONDITIONS[how].length; i++) text += `${CONDITIONS[how][i]} `;
  return text;
}

function missing(path, specifier, from, how, seen) {
  const error = new TheError(
    how === 'require'
      ? `Cannot find module ${shown(specifier)}\nRequire stack:\n- ${from}`
      : `Cannot find module '${path}' imported from ${from}`,
  );
  // `/data/x.js` says by itself where it is.
  if (!seen && specifier[0] === '.') note(error, 'the folder of the script is not there for it: `--project DIR` shows it, as `/project`');
  return stacked(error, how, from);
}

function stacked(error, how, from) {
  if (how === 'import') return coded(error, 'ERR_MODULE_NOT_FOUND');
  coded(error, 'MODULE_NOT_FOUND');
  const stack = [];
  push(stack, from);
  defineProperty(error, 'requireStack', { __proto__: null, value: stack, writable: true, enumerable: true, configurable: true });
  return error;
}

function missingPackage(specifier, name, from, how) {
  const error = new TheError(
    how === 'require' ? `Cannot find module ${shown(specifier)}\nRequire stack:\n- ${from}` : `Cannot find package ${shown(name)} imported from ${from}`,
  );
  note(error, `no package of this name is installed: ${INSTEAD[name] ?? `\`wxmcp add --javascript ${name}\` installs it`}`);
  return stacked(error, how, from);
}

/** Refuses a specifier that is no text, in Node's words. */
export function checkSpecifier(specifier) {
  if (typeof specifier !== 'string') {
    throw coded(new TheTypeError(`The "id" argument must be of type string. Received ${specifier === null ? 'null' : typeof specifier}`), 'ERR_INVALID_ARG_TYPE');
  }
  if (specifier === '') throw coded(new TheTypeError("The argument 'id' must be a non-empty string. Received ''"), 'ERR_INVALID_ARG_VALUE');
}
