// What `wit/capabilities.wit` offers to tool files: statements over connections, files of directories.

import { toBase64 } from './base64.js';
import { failed } from './calls.js';
import { FILES, SQL, operate } from './seam.js';
import {
  TheBigInt,
  TheTypeError,
  abs,
  bytesFromBase64,
  bytesOf,
  create,
  defineProperty,
  endsWith,
  freeze,
  isArray,
  isInteger,
  isSafeInteger,
  push,
} from './primordials.js';
import { floatsOf } from './json.js';
import { encodeArguments, keepReals, quoted } from './values.js';

/** Levels of an array that a database may have. */
const ARRAY_DEPTH = 16;

/**
 * Asks the host; the error is made here, so that its stack has the place of the call.
 */
async function ask(operation, request, what) {
  let failure;
  try {
    return await operate(operation, request);
  } catch (told) {
    failure = told;
  }
  throw failed(failure, what);
}

/** A connection of `wxmcp.toml`. Rows come as objects; `columns` of the answer has names and types. */
export function sql(connection = 'main') {
  if (typeof connection !== 'string') throw new TheTypeError('the name of a connection must be a string');
  return statements(connection, undefined);
}

function statements(connection, transaction) {
  const head = `{"connection":${quoted(connection)}${transaction === undefined ? '' : `,"transaction":${transaction}`}`;
  const send = (action, rest) => ask(SQL, `${head},"action":"${action}"${rest}}`, `sql ${connection}`);
  const handle = create(null);
  handle.query = async (statement, parameters = []) => {
    const { columns, rows } = await send('query', bound(statement, parameters));
    return withNames(columns, rows);
  };
  handle.execute = async (statement, parameters = []) => await send('execute', bound(statement, parameters));
  if (transaction === undefined) {
    handle.transaction = async (work) => {
      if (typeof work !== 'function') throw new TheTypeError('transaction() takes a function of the transaction');
      const id = (await send('begin', '')).transaction;
      const inside = statements(connection, id);
      let answer;
      try {
        answer = await work(inside);
      } catch (error) {
        await inside.rollback();
        throw error;
      }
      await inside.commit();
      return answer;
    };
  } else {
    handle.commit = async () => void (await send('commit', ''));
    handle.rollback = async () => void (await send('rollback', ''));
  }
  return freeze(handle);
}

function bound(statement, parameters) {
  if (typeof statement !== 'string') throw new TheTypeError(`a statement must be a string, not ${typeof statement}`);
  if (!isArray(parameters)) throw new TheTypeError('the parameters of a statement must be an array');
  const floats = floatsOf(parameters);
  let text = '';
  for (let i = 0; i < parameters.length; i++) {
    const value = parameters[i];
    // A number that came as 3.0 is no integer: 3.0 / 2 is 1.5.
    const isFloat = floats !== undefined && typeof value === 'number' && floats[i] === value;
    text += `${i > 0 ? ',' : ''}${isFloat ? float(value) : encodeArguments(sent(value, 0, i + 1) ?? null)}`;
  }
  return `,"statement":${quoted(statement)},"parameters":[${text}]`;
}

function float(value) {
  const text = encodeArguments(value);
  return isSafeInteger(value) && !endsWith(text, '.0') ? `${text}.0` : text;
}

/** Bytes as base64, in arrays too; refuses numbers that may have been rounded to another row's id. */
function sent(value, depth, position) {
  if (typeof value === 'number' && isInteger(value) && !isSafeInteger(value) && abs(value) <= LARGEST) {
    const digits = TheBigInt(value);
    throw new TheTypeError(
      `parameter ${position} is the number ${digits}, beyond 2^53 - 1, where JavaScript rounds integers: write it as a BigInt, ${digits}n, if it is one`,
    );
  }
  if (value === null || typeof value !== 'object') return value;
  const bytes = bytesOf(value);
  if (bytes !== undefined) return { $bytes: toBase64(bytes) };
  if (!isArray(value) || depth >= ARRAY_DEPTH) return value;
  const list = [];
  for (let i = 0; i < value.length; i++) list[i] = sent(value[i], depth + 1, position) ?? null;
  return list;
}

/** Beyond it no integer of a database is meant, not even a rounded one. */
const LARGEST = 2 ** 63;

function withNames(columns, rows) {
  const named = [];
  for (let i = 0; i < rows.length; i++) {
    const row = {};
    for (let j = 0; j < columns.length; j++) {
      defineProperty(row, columns[j].name, {
        __proto__: null,
        value: columns[j].bytes ? whole(rows[i][j]) : rows[i][j],
        writable: true,
        enumerable: true,
        configurable: true,
      });
    }
    named[i] = row;
  }
  defineProperty(named, 'columns', { __proto__: null, value: columns, enumerable: false });
  const reals = [];
  for (let j = 0; j < columns.length; j++) if (columns[j].real) push(reals, columns[j].name);
  if (reals.length > 0) keepReals(named, reals);
  return named;
}

/** Bytes, in arrays too. */
function whole(value) {
  if (value === null || typeof value !== 'object') return value;
  if (isArray(value)) {
    for (let i = 0; i < value.length; i++) value[i] = whole(value[i]);
    return value;
  }
  return bytesFromBase64(value.$bytes);
}

/** A directory of `wxmcp.toml`. Paths are relative to it; bytes are Uint8Arrays. */
export function directory(name = 'main') {
  if (typeof name !== 'string') throw new TheTypeError('the name of a directory must be a string');
  const send = (action, path, rest = '') => {
    if (typeof path !== 'string') throw new TheTypeError(`a path must be a string, not ${typeof path}`);
    return ask(FILES, `{"directory":${quoted(name)},"action":"${action}","path":${quoted(path)}${rest}}`, `files ${name}`);
  };
  const content = (data) => {
    if (typeof data === 'string') return `,"text":${quoted(data)}`;
    const bytes = bytesOf(data);
    if (bytes === undefined) throw new TheTypeError('a file is written from a string or bytes');
    return `,"bytes":${quoted(toBase64(bytes))}`;
  };
  const handle = create(null);
  handle.read = async (path) => (await send('read', path, ',"as":"text"')).text;
  handle.readBytes = async (path) => bytesFromBase64((await send('read', path, ',"as":"bytes"')).bytes);
  handle.write = async (path, data) => await send('write', path, content(data));
  handle.append = async (path, data) => await send('append', path, content(data));
  handle.list = async (path = '.') => (await send('list', path)).entries;
  handle.stat = async (path) => await send('stat', path);
  handle.remove = async (path) => void (await send('remove', path));
  handle.makeDirectory = async (path) => void (await send('make-directory', path));
  return freeze(handle);
}
