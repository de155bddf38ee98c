// `util`.

import { format } from '../format.js';
import { inspect } from '../inspect.js';
import { errnoOf, needFunction, plainError, typeError, wrongType, wrongValue } from './errors.js';
import { process } from '../process.js';
import { need, packaged, provide } from './registry.js';
import { types } from './util_types.js';

const { AbortController, Array, Error, Map, Object, Promise, Reflect, Set, String, Symbol, TextDecoder, TextEncoder } = globalThis;

const CUSTOM = Symbol.for('nodejs.util.promisify.custom');
/** What names the answers of a callback that gets several. */
const ANSWERS = new Map([
  ['read', ['bytesRead', 'buffer']],
  ['write', ['bytesWritten', 'buffer']],
]);

function promisify(original) {
  needFunction(original, 'original');
  if (original === globalThis.setTimeout) return need('timers/promises').setTimeout;
  if (original === globalThis.setImmediate) return need('timers/promises').setImmediate;
  if (original[CUSTOM] !== undefined) {
    if (typeof original[CUSTOM] !== 'function') throw wrongType('util.promisify.custom', 'of type function', original[CUSTOM]);
    return original[CUSTOM];
  }
  const names = original === need('fs')[original.name] ? ANSWERS.get(original.name) : undefined;
  const promised = function (...args) {
    return new Promise((resolve, reject) => {
      const answer = (error, ...values) => {
        if (error) reject(error);
        else if (names === undefined) resolve(values[0]);
        else resolve(Object.fromEntries(names.map((name, i) => [name, values[i]])));
      };
      Reflect.apply(original, this, [...args, answer]);
    });
  };
  Object.setPrototypeOf(promised, Object.getPrototypeOf(original));
  return Object.defineProperties(promised, Object.getOwnPropertyDescriptors(original));
}
promisify.custom = CUSTOM;

function callbackify(original) {
  needFunction(original, 'original');
  return function (...args) {
    const callback = args.pop();
    if (typeof callback !== 'function') throw wrongType('last argument', 'of type function', callback);
    Reflect.apply(original, this, args).then(
      (value) => process.nextTick(callback, null, value),
      (reason) => {
        let error = reason;
        if (!reason) {
          error = plainError('ERR_FALSY_VALUE_REJECTION', 'Promise was rejected with falsy value');
          error.reason = reason;
        }
        process.nextTick(callback, error);
      },
    );
  };
}

function inherits(constructor, parent) {
  if (constructor === undefined || constructor === null) throw wrongType('ctor', 'of type function', constructor);
  if (parent === undefined || parent === null) throw wrongType('superCtor', 'of type function', parent);
  if (parent.prototype === undefined) throw wrongType('superCtor.prototype', 'of type object', parent.prototype);
  Object.defineProperty(constructor, 'super_', { value: parent, writable: true, configurable: true });
  Object.setPrototypeOf(constructor.prototype, parent.prototype);
}

const deprecated = new Set();

function deprecate(original, message, code) {
  let told = false;
  const warn = () => {
    if (told || (code !== undefined && deprecated.has(code))) return;
    told = true;
    if (code !== undefined) deprecated.add(code);
    process.emitWarning(message, 'DeprecationWarning', code);
  };
  const warning = function (...args) {
    warn();
    return new.target ? Reflect.construct(original, args, new.target) : Reflect.apply(original, this, args);
  };
  Object.setPrototypeOf(warning, original);
  if (original.prototype) warning.prototype = original.prototype;
  return warning;
}

function debuglog(section) {
  const isOn = () => `${process.env?.NODE_DEBUG ?? ''}`.toUpperCase().split(',').includes(section.toUpperCase());
  const log = (...args) => {
    if (isOn()) process.stderr.write(`${section.toUpperCase()} ${process.pid}: ${format(args)}\n`);
  };
  Object.defineProperty(log, 'enabled', { get: isOn });
  return log;
}

function inspected(value, options, depth) {
  return inspect(value, typeof options === 'boolean' ? { depth } : options);
}
inspected.custom = Symbol.for('nodejs.util.inspect.custom');
inspected.defaultOptions = {
  showHidden: false, depth: 2, colors: false, customInspect: true, showProxy: false, maxArrayLength: 100, maxStringLength: 10000,
  breakLength: 128, compact: 3, sorted: false, getters: false, numericSeparator: false,
};

const STYLES = {
  reset: [0, 0], bold: [1, 22], dim: [2, 22], italic: [3, 23], underline: [4, 24], blink: [5, 25], inverse: [7, 27], hidden: [8, 28],
  strikethrough: [9, 29], doubleunderline: [21, 24], black: [30, 39], red: [31, 39], green: [32, 39], yellow: [33, 39],
  blue: [34, 39], magenta: [35, 39], cyan: [36, 39], white: [37, 39], bgBlack: [40, 49], bgRed: [41, 49], bgGreen: [42, 49],
  bgYellow: [43, 49], bgBlue: [44, 49], bgMagenta: [45, 49], bgCyan: [46, 49], bgWhite: [47, 49], framed: [51, 54],
  overlined: [53, 55], gray: [90, 39], grey: [90, 39], blackBright: [90, 39], redBright: [91, 39], greenBright: [92, 39],
  yellowBright: [93, 39], blueBright: [94, 39], magentaBright: [95, 39], cyanBright: [96, 39], whiteBright: [97, 39],
};
inspected.colors = STYLES;
inspected.styles = {};

/** As in Node 24: without codes where the stream is no terminal, which none is here. */
function styleText(wanted, text, { validateStream = true } = {}) {
  if (typeof text !== 'string') throw wrongType('text', 'of type string', text);
  let before = '';
  let after = '';
  for (const name of Array.isArray(wanted) ? wanted : [wanted]) {
    if (name === 'none') continue;
    if (!Object.hasOwn(STYLES, name)) {
      const known = Object.keys(STYLES).map((one) => `'${one}'`).join(', ');
      throw wrongValue('format', name, `must be one of: ${known}`);
    }
    before += `\u001b[${STYLES[name][0]}m`;
    after = `\u001b[${STYLES[name][1]}m${after}`;
  }
  return validateStream ? text : before + text + after;
}

const ESCAPES = /[\u001b\u009b][[\]()#;?]*(?:(?:(?:(?:;[-a-zA-Z\d/#&.:=?%@~_]+)*|[a-zA-Z\d]+(?:;[-a-zA-Z\d/#&.:=?%@~_]*)*)?(?:\u0007|\u001b\\|\u009c))|(?:(?:\d{1,4}(?:;\d{0,4})*)?[\dA-PR-TZcf-ntqry=><~]))/g;

function stripVTControlCharacters(text) {
  if (typeof text !== 'string') throw wrongType('str', 'of type string', text);
  return text.replace(ESCAPES, '');
}

/** What a `.env` file sets. */
function parseEnv(content) {
  const found = {};
  const line = /^\s*(?:export\s+)?([\w.-]+)\s*=[ \t]*(?:'([^']*)'|"([^"]*)"|`([^`]*)`|([^#\r\n]*))?[^\r\n]*$/gm;
  for (const [, name, single, double, back, plain] of content.matchAll(line)) {
    found[name] = single ?? double?.replaceAll('\\n', '\n') ?? back ?? (plain ?? '').trim();
  }
  return found;
}

/** What the package does not know: `--no-name` sets the boolean option `name` to false. */
function withNegatives(config) {
  const options = config.options ?? {};
  const known = { ...options };
  for (const name of Object.keys(options)) {
    if (options[name]?.type === 'boolean' && !Object.hasOwn(options, `no-${name}`)) known[`no-${name}`] = { type: 'boolean' };
  }
  const { values: _values, tokens, ...rest } = packaged('parseargs').parseArgs({ ...config, options: known, tokens: true });
  const values = Object.create(null);
  for (const { kind, name: given, value: text } of tokens) {
    if (kind !== 'option' || given === '__proto__') continue;
    const isNegative = given.startsWith('no-') && text === undefined;
    const name = isNegative ? given.slice(3) : given;
    const value = isNegative ? false : (text ?? true);
    if (!Object.hasOwn(options, name) || !options[name].multiple) values[name] = value;
    else (values[name] ??= []).push(value);
  }
  for (const name of Object.keys(options)) {
    if (!(name in values) && options[name].default !== undefined) values[name] = options[name].default;
  }
  return config.tokens ? { ...rest, values, tokens } : { ...rest, values };
}

function parseArgs(config = {}) {
  try {
    config = { ...config, args: config.args ?? process.argv.slice(2) };
    return config.allowNegative ? withNegatives(config) : packaged('parseargs').parseArgs(config);
  } catch (error) {
    if (!error?.code?.startsWith?.('ERR_PARSE_ARGS')) throw error;
    throw typeError(error.code, error.message);
  }
}

function systemError(number) {
  const names = ['EPERM', 'ENOENT', 'EIO', 'EBADF', 'EAGAIN', 'ENOMEM', 'EACCES', 'EBUSY', 'EEXIST', 'EXDEV', 'ENOTDIR', 'EISDIR', 'EINVAL', 'EMFILE', 'EFBIG', 'ENOSPC', 'EROFS', 'EPIPE', 'ENAMETOOLONG', 'ENOTEMPTY', 'ELOOP', 'ECONNREFUSED'];
  return names.find((name) => errnoOf(name) === number);
}

provide('util', () => ({
  promisify,
  callbackify,
  inherits,
  deprecate,
  debuglog,
  debug: debuglog,
  format: (...args) => format(args),
  formatWithOptions: (options, ...args) => format(args),
  inspect: inspected,
  isDeepStrictEqual: (a, b) => packaged('assert/comparisons').isDeepStrictEqual(a, b),
  parseArgs,
  parseEnv,
  styleText,
  stripVTControlCharacters,
  toUSVString: (text) => String(text).toWellFormed(),
  types,
  TextDecoder,
  TextEncoder,
  getSystemErrorName(number) {
    if (typeof number !== 'number') throw wrongType('err', 'of type number', number);
    return systemError(number) ?? `Unknown system error ${number}`;
  },
  getSystemErrorMap: () => new Map(),
  aborted: (signal) => new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true }))),
  transferableAbortController: () => new AbortController(),
  isArray: Array.isArray,
  isError: (value) => value instanceof Error,
  isRegExp: types.isRegExp,
  isDate: types.isDate,
  isBoolean: (value) => typeof value === 'boolean',
  isBuffer: (value) => need('buffer').Buffer.isBuffer(value),
  isFunction: (value) => typeof value === 'function',
  isNull: (value) => value === null,
  isNullOrUndefined: (value) => value === null || value === undefined,
  isNumber: (value) => typeof value === 'number',
  isObject: (value) => value !== null && typeof value === 'object',
  isPrimitive: (value) => value === null || (typeof value !== 'object' && typeof value !== 'function'),
  isString: (value) => typeof value === 'string',
  isSymbol: (value) => typeof value === 'symbol',
  isUndefined: (value) => value === undefined,
  _extend: (target, source) => (source !== null && typeof source === 'object' ? Object.assign(target, source) : target),
  log: (...args) => process.stdout.write(`${format(args)}\n`),
}));
provide('util/types', () => types);
