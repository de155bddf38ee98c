// Packages that are there beside the script's own folders, in the folders that the host names: bundles of `wxmcp add`,
// whose folder `.wxmcp` holds the programs of their modules, or folders with a `node_modules` that anybody may have filled.
//
// `runtime/packages/src/javascript/programs.rs` writes the programs, and has their form.

import { addFile, where } from './errors.js';
import { kindAt, partAt, textAt } from './files.js';
import { TheError, TheMap, apply, create, evaluate, hasOwn, indexOf, lastIndexOf, mapGet, mapSet, parse, push, slice, startsWith } from './primordials.js';

/** The form that this adapter reads; a bundle of another one is a folder of files. */
const FORM = 1;

/** What is read of the programs at a time: the modules that one needs are near it. */
const PIECE = 1 << 15;

const NONE = [];
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const decode = decoder.decode.bind(decoder);
const { subarray, set } = Uint8Array.prototype;
const encode = encodeURIComponent;

/** The folders, in order. */
let folders = NONE;

/** By folder, its programs, or null. */
const known = new TheMap();

/** By path, modules whose programs were read. */
const modules = new TheMap();

/** A run begins. */
export function begin(script) {
  folders = script.packages ?? NONE;
}

export function places() {
  return folders;
}

/** The programs of a folder, if it has any. */
function programsOf(folder) {
  let found = mapGet(known, folder);
  if (found === undefined) {
    found = null;
    const path = `${folder}/.wxmcp/index`;
    if (kindAt(path) === 'file') {
      const { form, entries } = parse(textAt(path));
      if (form === FORM) found = { __proto__: null, folder, entries, pieces: [], texts: create(null), modules: new TheMap() };
    }
    mapSet(known, folder, found);
  }
  return found;
}

/** The path of the module that is imported by the name of a package in a folder, and perhaps a path of it. */
export function namedIn(folder, name, rest, how) {
  const programs = programsOf(folder);
  if (programs === null || !hasOwn(programs.entries, name)) return undefined;
  const which = how === 'import' ? 0 : 1;
  let number = rest === '' ? programs.entries[name][which] : -1;
  if (rest !== '') {
    const line = lineOf(programs, `names/${encode(name)}`, `.${rest}`);
    const tab = line === undefined ? -1 : indexOf(line, '\t');
    if (tab >= 0) number = +(which === 0 ? slice(line, 0, tab) : slice(line, tab + 1));
  }
  return number < 0 ? undefined : moduleOf(programs, number).path;
}

/** What a line of a file has behind its first word and a tab. */
function lineOf(programs, file, word) {
  const path = `${programs.folder}/.wxmcp/${file}`;
  programs.texts[file] ??= kindAt(path) === 'file' ? textAt(path) : '';
  const text = programs.texts[file];
  const at = indexOf(text, `\n${word}\t`);
  if (at < 0) return undefined;
  const from = at + word.length + 2;
  const end = indexOf(text, '\n', from);
  return slice(text, from, end < 0 ? text.length : end);
}

/** The folder of the package that a path in a folder of packages is in: `node_modules/a`. */
function packageOf(path) {
  let end = lastIndexOf(path, 'node_modules/') + 13;
  if (path[end] === '@') end = indexOf(path, '/', end) + 1;
  end = indexOf(path, '/', end);
  return end < 0 ? path : slice(path, 0, end);
}

/** A module with its program, if a bundle has it: {path, programs, program, found, lazy | simple}. */
export function moduleAt(path) {
  const module = mapGet(modules, path);
  if (module !== undefined) return module;
  for (let i = 0; i < folders.length; i++) {
    if (!startsWith(path, `${folders[i]}/`)) continue;
    const programs = programsOf(folders[i]);
    if (programs === null) continue;
    const below = slice(path, folders[i].length + 1);
    const place = packageOf(below);
    const number = lineOf(programs, `paths/${encode(place)}`, slice(below, place.length + 1));
    return number === undefined ? undefined : moduleOf(programs, +number);
  }
  return undefined;
}

/** The path of what a module of a bundle means by a specifier, if that is known. */
export function meant(module, specifier, how) {
  if (module.found === undefined || !hasOwn(module.found[how], specifier)) return undefined;
  return pathOf(module.programs, module.found[how][specifier]);
}

/** The path of a module by its number, and of other files by their paths in the bundle. */
export function pathOf(programs, place) {
  return typeof place === 'number' ? moduleOf(programs, place).path : `${programs.folder}/${place}`;
}

function moduleOf(programs, number) {
  let module = mapGet(programs.modules, number);
  if (module !== undefined) return module;
  const place = bytesAt(programs, 4 + 4 * number, 8);
  const from = wordAt(place, 0);
  const text = decode(bytesAt(programs, from, wordAt(place, 4) - from));
  const end = indexOf(text, '\n');
  const program = parse(slice(text, 0, end));
  const { path, found, lazy, simple } = program;
  program.source = slice(text, end + 1);
  module = {
    __proto__: null,
    path: `${programs.folder}/${path}`,
    programs,
    number,
    program: lazy === undefined ? program : undefined,
    found,
    lazy,
    simple,
    values: undefined,
    failed: undefined,
  };
  mapSet(programs.modules, number, module);
  mapSet(modules, module.path, module);
  return module;
}

/**
 * What a module exports that needs no more than the values of others like it, by name; it is run if it was not. Undefined
 * where it is none of these.
 */
export function valuesOf(programs, number) {
  const module = moduleOf(programs, number);
  const { simple, program } = module;
  if (simple === undefined || module.values !== undefined) return module.values;
  if (module.failed !== undefined) throw module.failed.error;
  const given = [];
  for (let i = 0; i < simple.length; i++) push(given, typeof simple[i] === 'number' ? valuesOf(programs, simple[i]) : someOf(programs, simple[i]));
  const m = { __proto__: null, modules: given, default: undefined, up };
  addFile(module.path, program);
  let values;
  try {
    values = evaluate(`${program.source}\n//# sourceURL=${where(module.path, false)}`)(m);
    const { from } = program;
    for (let i = 0; i < from.length; i++) values[from[i][0]] = given[from[i][1]][from[i][2]];
  } catch (error) {
    module.failed = { __proto__: null, error };
    throw error;
  }
  module.values = values;
  program.source = undefined;
  return values;
}

/** Values of several modules: {name: [module, name there]}. */
function someOf(programs, places) {
  const values = create(null);
  for (const name in places) values[name] = valuesOf(programs, places[name][0])[places[name][1]];
  return values;
}

/** Nobody has to hear of what such a module declares. */
function up() {}

function wordAt(bytes, at) {
  return bytes[at] + bytes[at + 1] * 0x100 + bytes[at + 2] * 0x10000 + bytes[at + 3] * 0x1000000;
}

/** Bytes of the file that holds the programs. */
function bytesAt(programs, from, length) {
  const first = (from - (from % PIECE)) / PIECE;
  const end = from + length;
  if (end <= (first + 1) * PIECE) return apply(subarray, pieceAt(programs, first), [from % PIECE, (from % PIECE) + length]);
  const bytes = new Uint8Array(length);
  for (let piece = first, at = from; at < end; piece++) {
    const inside = at % PIECE;
    const part = apply(subarray, pieceAt(programs, piece), [inside, inside + end - at]);
    if (part.byteLength === 0) throw new TheError(`the packages in '${programs.folder}' are not whole`);
    apply(set, bytes, [part, at - from]);
    at += part.byteLength;
  }
  return bytes;
}

function pieceAt(programs, number) {
  const { pieces } = programs;
  pieces[number] ??= partAt(`${programs.folder}/.wxmcp/code`, PIECE, number * PIECE);
  return pieces[number];
}
