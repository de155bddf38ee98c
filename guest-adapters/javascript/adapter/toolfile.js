// Tool files: what a tool says of itself, and its calls.
//
// A file exports one tool, by the file's name, as its default, or as the only thing that looks
// like one. It is a function with `description` and `parameters`, or what `createTool` made.

import * as z from './zod/index.js';

import {
  TheError,
  TheTypeError,
  apply,
  create,
  defineProperty,
  freeze,
  functionText,
  hasOwn,
  isArray,
  join,
  keys,
  lowerCase,
  push,
  slice,
  startsWith,
  weakMapGet,
  weakMapSet,
} from './primordials.js';

/** What `createTool` was given, by the object that it answered. */
const made = new WeakMap();

/** The arguments do not fit what the tool itself checks. The host knows it by its name. */
class InvalidArguments extends TheError {}
defineProperty(InvalidArguments.prototype, 'name', { __proto__: null, value: 'InvalidArguments' });

/**
 * Makes a tool of `{name?, description, parameters, output?, grants?, reusable?, execute}`.
 *
 * `parameters` and `output` are zod schemas or JSON Schemas; `execute` gets the parsed arguments.
 */
export function createTool(definition) {
  if (definition === null || typeof definition !== 'object') throw new TheTypeError('createTool() takes an object');
  if (typeof definition.execute !== 'function') throw new TheTypeError('createTool() needs a function `execute`');
  const tool = create(null);
  for (const name of keys(definition)) tool[name] = definition[name];
  weakMapSet(made, tool, definition);
  return freeze(tool);
}

let loaded;

/** The file was read: these are its exports. */
export function load(exports) {
  loaded = exports;
}

/** Does what the host wants of the file that was read. */
export async function perform({ tool: name, describe, call }, hasBigInts) {
  const tool = found(name);
  return describe === undefined ? await called(tool, call, hasBigInts) : described(tool, name);
}

function found(name) {
  const exports = loaded;
  const names = exports === undefined ? [] : keys(exports);
  const tool = named(exports, names, name);
  if (tool === undefined) {
    throw new TheError(`the file exports no tool \`${name}\`: export a function of that name, or createTool({..})`);
  }
  for (let i = 0; i < names.length; i++) {
    const other = exports[names[i]];
    if (other === tool || !isTool(other) || !isDeclared(other)) continue;
    throw new TheError(
      `the file exports the tool \`${name}\` and another, \`${names[i]}\`, but a file is one tool: give each a file of its own name`,
    );
  }
  return tool;
}

/** The export that is the tool of that name; undefined if none, or more than one, may be meant. */
function named(exports, names, name) {
  const same = [];
  const likely = [];
  for (let i = 0; i < names.length; i++) {
    const value = exports[names[i]];
    if (!isTool(value)) continue;
    if (names[i] === name) return value;
    if (folded(names[i]) === folded(name)) push(same, value);
    else if (names[i] === 'default' || isDeclared(value)) push(likely, value);
  }
  if (same.length === 1) return same[0];
  if (hasOwn(exports ?? {}, 'default') && isTool(exports.default)) return exports.default;
  // The same one may be exported by two names.
  for (let i = 1; i < likely.length; i++) {
    if (likely[i] === likely[0]) continue;
    throw new TheError(`the file exports ${likely.length} tools, none of them called \`${name}\`, but a file is one tool`);
  }
  return likely[0];
}

function isTool(value) {
  return typeof value === 'function' || (typeof value === 'object' && value !== null && isMade(value));
}

function isMade(value) {
  return weakMapGet(made, value) !== undefined;
}

function isDeclared(value) {
  return isMade(value) || value.description !== undefined || value.parameters !== undefined;
}

function folded(name) {
  let text = '';
  for (let i = 0; i < name.length; i++) if (name[i] !== '_' && name[i] !== '-') text += name[i];
  return lowerCase(text);
}

/** Name, description, schemas and wishes of a tool, from either form. */
function described(tool, name) {
  const told = create(null);
  const own = isMade(tool) || typeof tool.name !== 'string' ? tool.name : undefined;
  if (own !== undefined) told.name = checkedName(own, name);
  if (tool.description !== undefined) {
    if (typeof tool.description !== 'string') throw new TheTypeError('`description` must be a string');
    told.description = tool.description;
  }
  told.input = inputSchema(tool);
  const output = tool.output ?? tool.outputSchema;
  if (output !== undefined) told.output = jsonSchema(output, 'output');
  if (tool.grants !== undefined) told.grants = tool.grants;
  if (tool.reusable !== undefined) told.reusable = tool.reusable === true;
  return told;
}

/** A name says what the path says, or the file is not what it seems. */
function checkedName(own, name) {
  if (typeof own !== 'string') throw new TheTypeError('`name` must be a string');
  const parts = own.split('.');
  if (folded(parts[parts.length - 1]) !== folded(name)) {
    throw new TheError(`the tool is called \`${own}\` in its file, but the file is called \`${name}\``);
  }
  return own;
}

/** By what a tool has as `parameters`, the zod object that `{sql: z.string()}` stands for. */
const shapes = new WeakMap();

function parametersOf(tool) {
  const given = tool.parameters ?? tool.inputSchema;
  if (given === null || typeof given !== 'object' || isZod(given)) return given;
  const names = keys(given);
  let count = 0;
  for (let i = 0; i < names.length; i++) if (isZod(given[names[i]])) count++;
  if (count === 0) return given;
  if (count < names.length) throw new TheTypeError('`parameters` must be zod schemas or JSON Schemas, not some of each');
  const known = weakMapGet(shapes, given);
  if (known !== undefined) return known;
  const shape = z.strictObject(given);
  weakMapSet(shapes, given, shape);
  return shape;
}

function isZod(schema) {
  return schema !== null && typeof schema === 'object' && schema._zod !== undefined;
}

/**
 * The JSON Schema of values before zod has changed them: arguments that come, and answers,
 * which zod does not see.
 */
function jsonSchema(schema, what) {
  if (isZod(schema)) {
    const seen = [];
    const { $schema, '~standard': standard, ...plain } = z.toJSONSchema(schema, {
      io: 'input',
      unrepresentable: 'any',
      override(context) {
        const { zodSchema, path } = context;
        push(seen, { __proto__: null, def: zodSchema._zod.def, path: placeOf(path ?? []) });
        widened(context);
      },
    });
    if (what === 'parameters') refuseUnspeakable(seen);
    return atRoot(plain);
  }
  if (schema === null || typeof schema !== 'object' || isArray(schema)) {
    throw new TheTypeError(`\`${what}\` must be a zod schema or a JSON Schema`);
  }
  return schema;
}

/** What no JSON value can be, and what parameters use instead. */
const INSTEAD = {
  __proto__: null,
  date: 'z.iso.datetime() or z.coerce.date()',
  bigint: 'z.int(), z.string() or z.coerce.bigint()',
  map: 'z.record(..)',
  set: 'z.array(..)',
  symbol: 'z.string()',
  function: 'z.string()',
  nan: 'z.number()',
  file: 'z.base64()',
  promise: 'the schema of its value',
};

/**
 * Arguments are JSON: a schema that none of its values fits would refuse every call. What
 * `z.preprocess` makes is not what comes.
 */
function refuseUnspeakable(seen) {
  for (let i = 0; i < seen.length; i++) {
    const { type, coerce } = seen[i].def;
    const instead = INSTEAD[type];
    if (instead === undefined || coerce === true || isMadeInside(seen, seen[i].path)) continue;
    throw new TheTypeError(`\`parameters\` has z.${type}(), which no JSON value fits: use ${instead}`);
  }
}

/** `/properties/a/`. */
function placeOf(path) {
  return path.length === 0 ? '/' : `/${join(path, '/')}/`;
}

function isMadeInside(seen, path) {
  for (let i = 0; i < seen.length; i++) {
    if (isPreprocess(seen[i].def) && startsWith(path, seen[i].path)) return true;
  }
  return false;
}

function isPreprocess({ type, in: input }) {
  return type === 'pipe' && input._zod.def.type === 'transform';
}

const COERCED = {
  __proto__: null,
  number: ['number', 'string', 'boolean'],
  integer: ['integer', 'string', 'boolean'],
  string: ['string', 'number', 'boolean'],
  boolean: ['boolean', 'string', 'number'],
};

/** `z.coerce` and `z.preprocess` take more than what they make of it. */
function widened({ zodSchema, jsonSchema: schema }) {
  const { def } = zodSchema._zod;
  const { type, coerce } = def;
  if (coerce === true && typeof schema.type === 'string') schema.type = COERCED[schema.type] ?? schema.type;
  if (!isPreprocess(def)) return;
  const made = {};
  const words = keys(schema);
  for (let i = 0; i < words.length; i++) {
    if (words[i] === 'description' || words[i] === 'default') continue;
    made[words[i]] = schema[words[i]];
    delete schema[words[i]];
  }
  schema.anyOf = [made, {}];
}

/** A schema that zod names (`.meta({id: ".."})`) is a reference: here is what it refers to. */
function atRoot(schema) {
  const { $ref, ...others } = schema;
  if (typeof $ref !== 'string' || !startsWith($ref, '#/$defs/')) return schema;
  return { ...others, ...others.$defs[slice($ref, 8)] };
}

function inputSchema(tool) {
  const parameters = parametersOf(tool);
  if (parameters === undefined) {
    const execute = isMade(tool) ? tool.execute : tool;
    if (execute.length > 0) {
      throw new TheError('the tool takes arguments, but has no `parameters` that say which');
    }
    return { type: 'object', properties: {}, additionalProperties: false };
  }
  if (isZod(parameters)) {
    const schema = jsonSchema(parameters, 'parameters');
    if (schema.type !== 'object' && schema.anyOf === undefined && schema.oneOf === undefined && schema.allOf === undefined) {
      throw new TheTypeError('`parameters` must be an object: z.object({..})');
    }
    return schema;
  }
  jsonSchema(parameters, 'parameters');
  return isSchema(parameters) ? parameters : ofProperties(parameters);
}

/** `{type: "object", properties: {..}}`, and not `{sql: {type: "string"}}`. */
function isSchema(parameters) {
  return parameters.type === 'object' && (parameters.properties === undefined || typeof parameters.properties === 'object');
}

/** The short form: each parameter's schema by its name. One without a default is required. */
function ofProperties(parameters) {
  const properties = {};
  const required = [];
  const names = keys(parameters);
  for (let i = 0; i < names.length; i++) {
    const one = parameters[names[i]];
    if (one === null || typeof one !== 'object') {
      throw new TheTypeError(`parameter \`${names[i]}\` must be an object: {type: "string"}`);
    }
    const { required: isRequired, optional, ...schema } = one;
    properties[names[i]] = isArray(isRequired) ? { ...schema, required: isRequired } : schema;
    if (isRequired === false || optional === true || hasOwn(one, 'default')) continue;
    push(required, names[i]);
  }
  return { type: 'object', properties, required, additionalProperties: false };
}

async function called(tool, given, hasBigInts) {
  const parameters = parametersOf(tool);
  const args = isZod(parameters) ? await parsed(parameters, given, hasBigInts) : withDefaults(parameters, given);
  if (isMade(tool)) return await apply(tool.execute, tool, [args]);
  const names = parameters === undefined ? [] : keys(inputSchema(tool).properties ?? {});
  if (takesOneObject(tool, names)) return await apply(tool, undefined, [args]);
  const list = [];
  for (let i = 0; i < names.length; i++) list[i] = args[names[i]];
  return await apply(tool, undefined, list);
}

async function parsed(schema, given, hasBigInts) {
  const { success, data, error } = await schema.safeParseAsync(given);
  if (success) {
    if (hasBigInts) refuseRounded(given, data, '');
    return data;
  }
  const told = [];
  for (let i = 0; i < error.issues.length && i < 10; i++) {
    const { path, message } = error.issues[i];
    const why = whyNotBigInt(given, error.issues[i]) ?? message;
    push(told, path.length === 0 ? why : `/${join(path, '/')}: ${why}`);
  }
  throw new InvalidArguments(join(told, '; '));
}

/** `z.coerce.number()` makes numbers of BigInts, whatever they are. */
function refuseRounded(given, data, path) {
  // Compares a BigInt and a number exactly, as `!==` does not.
  if (typeof given === 'bigint' && typeof data === 'number' && given != data) {
    throw new InvalidArguments(`${path}: a number would round ${given}`);
  }
  if (given === null || typeof given !== 'object' || data === null || typeof data !== 'object') return;
  const names = keys(given);
  for (let i = 0; i < names.length; i++) {
    if (hasOwn(data, names[i])) refuseRounded(given[names[i]], data[names[i]], `${path}/${names[i]}`);
  }
}

/** What is wrong with an integer beyond 2^53 that zod takes for no number; undefined for another issue. */
function whyNotBigInt(given, { code, expected, path }) {
  if (code !== 'invalid_type' || expected !== 'number') return undefined;
  let value = given;
  for (let i = 0; i < path.length; i++) value = value?.[path[i]];
  if (typeof value !== 'bigint') return undefined;
  if (value <= 9007199254740991n && value >= -9007199254740991n) {
    return `${value} came as a BigInt, since another integer at this place is beyond 2^53: take it by \`{type: "integer"}\` or \`z.any()\``;
  }
  return `${value} is beyond 2^53, where \`z.number()\` would round: the tool takes it by \`{type: "integer"}\` or \`z.any()\``;
}

function withDefaults(parameters, given) {
  if (parameters === undefined) return given;
  const properties = isSchema(parameters) ? parameters.properties : parameters;
  if (properties === null || typeof properties !== 'object') return given;
  const names = keys(properties);
  for (let i = 0; i < names.length; i++) {
    const one = properties[names[i]];
    if (given[names[i]] !== undefined || one === null || typeof one !== 'object') continue;
    if (hasOwn(one, 'default')) given[names[i]] = one.default;
  }
  return given;
}

/** `function query({sql, limit})`; also `function query(args)`, where no parameter has that name. */
function takesOneObject(tool, names) {
  let text = functionText(tool);
  let at = 0;
  while (at < text.length && text[at] !== '(' && text[at] !== '=') at++;
  if (text[at] !== '(') return false;
  text = slice(text, at + 1);
  at = afterSpace(text, 0);
  if (text[at] === '{') return true;
  let name = '';
  while (at < text.length && !isSpace(text[at]) && text[at] !== ',' && text[at] !== ')' && text[at] !== '=') name += text[at++];
  if (name === '' || startsWith(name, '.') || startsWith(name, '[') || text[afterSpace(text, at)] !== ')') return false;
  for (let i = 0; i < names.length; i++) if (names[i] === name) return false;
  return names.length > 0;
}

function afterSpace(text, at) {
  while (isSpace(text[at])) at++;
  return at;
}

function isSpace(character) {
  return character === ' ' || character === '\n' || character === '\t' || character === '\r';
}
