// Values as text, as node's `util.inspect` and `console` show them.
//
// No code of a script is run for it, but `[nodejs.util.inspect.custom]()`; getters are
// named and not called.

import {
  TheMap, apply, arrayLength, brand, bytesOf, create, dateToISO, dateValue, endsWith,
  functionText, getOwnPropertyDescriptor, getPrototypeOf, hasOwn, indexOf, isArray, isErrorObject, isView,
  join, keys, lines, mapForEach, mapGet, mapHas, mapSet, mapSize, min, ownKeys, push, repeat, setForEach,
  setSize, slice, startsWith, typedArrayName,
} from './primordials.js';
import { domException, kindOf } from './kinds.js';
import { isNamespace } from './namespaces.js';
import { blocked, escaped, grouped, isIdentifier } from './layout.js';

const uncurry = Function.prototype.bind.bind(Function.prototype.call);
const propertyIsEnumerable = uncurry(Object.prototype.propertyIsEnumerable);
const symbolText = uncurry(Symbol.prototype.toString);
const regExpPrototype = RegExp.prototype;
const regExpText = uncurry(RegExp.prototype.toString);
const objectText = uncurry(Object.prototype.toString);
const [numberValue, stringValue, booleanValue, bigintValue, symbolValue] = [Number, String, Boolean, BigInt, Symbol].map(
  (kind) => uncurry(kind.prototype.valueOf),
);
const weakMapHas = uncurry(WeakMap.prototype.has);
const weakSetHas = uncurry(WeakSet.prototype.has);
const regExpSource = uncurry(getOwnPropertyDescriptor(RegExp.prototype, 'source').get);
const bufferLength = uncurry(getOwnPropertyDescriptor(ArrayBuffer.prototype, 'byteLength').get);
const CUSTOM = Symbol.for('nodejs.util.inspect.custom');
const { toStringTag } = Symbol;

const { sort } = Array.prototype;
const byText = (a, b) => (typeof a === 'symbol' || typeof b === 'symbol' ? 0 : a < b ? -1 : 1);

/** Characters, and values, that one text may be made of: hostile values end. */
const CHARACTERS = 1 << 20;
const VALUES = 200_000;

/** A value as text; `depth` (2), `breakLength` (80), `maxArrayLength` (100) and `maxStringLength` (10,000) as in node. */
export function inspect(value, options) {
  try {
    return formatted(begun(options), value, 0, true);
  } catch (error) {
    return `<inspection failed: ${isErrorObject(error) ? read(error, 'message') : typeof error}>`;
  }
}

function begun(options) {
  const number = (name, otherwise) => {
    const set = options === undefined || options === null ? undefined : options[name];
    return set === null ? Infinity : typeof set === 'number' ? set : otherwise;
  };
  return {
    __proto__: null,
    depth: number('depth', 2),
    breakLength: number('breakLength', 80),
    maxArrayLength: number('maxArrayLength', 100),
    maxStringLength: number('maxStringLength', 10_000),
    compact: options?.compact === false ? 0 : number('compact', 3),
    sorted: options?.sorted === true,
    indentation: 0,
    current: 0,
    seen: [],
    circular: undefined,
    characters: CHARACTERS,
    values: VALUES,
  };
}

function read(object, name) {
  try {
    const value = object[name];
    return typeof value === 'string' ? value : '';
  } catch {
    return '';
  }
}

function formatted(ctx, value, depth, typed) {
  if (ctx.values-- <= 0 || ctx.characters <= 0) return '...';
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) {
    const text = primitive(ctx, value);
    ctx.characters -= text.length;
    return text;
  }
  const custom = customText(ctx, value, depth);
  if (custom !== undefined) return custom;
  for (let i = 0; i < ctx.seen.length; i++) {
    if (ctx.seen[i] !== value) continue;
    ctx.circular ??= new TheMap();
    if (!mapHas(ctx.circular, value)) mapSet(ctx.circular, value, mapSize(ctx.circular) + 1);
    return `[Circular *${mapGet(ctx.circular, value)}]`;
  }
  return object(ctx, value, depth, typed);
}

function customText(ctx, value, depth) {
  const custom = value[CUSTOM];
  if (typeof custom !== 'function') return undefined;
  const left = ctx.depth - depth;
  const { breakLength, compact, maxArrayLength, maxStringLength, sorted } = ctx;
  const options = {
    depth: ctx.depth, breakLength, compact, maxArrayLength, maxStringLength, sorted,
    colors: false, customInspect: true, getters: false, numericSeparator: false, showHidden: false, showProxy: false,
    stylize: (shown) => `${shown}`,
  };
  const told = apply(custom, value, [left, options, inspect]);
  if (told === value) return undefined;
  return typeof told === 'string' ? told : formatted(ctx, told, depth, true);
}

export function primitive(ctx, value) {
  switch (typeof value) {
    case 'string':
      return text(ctx, value);
    case 'number':
      return value === 0 && 1 / value < 0 ? '-0' : `${value}`;
    case 'bigint':
      return `${value}n`;
    case 'symbol':
      return symbolText(value);
    default:
      return `${value}`;
  }
}

function text(ctx, value) {
  let rest = '';
  if (value.length > ctx.maxStringLength) {
    const more = value.length - ctx.maxStringLength;
    value = slice(value, 0, ctx.maxStringLength);
    rest = `... ${more} more character${more > 1 ? 's' : ''}`;
  }
  if (value.length > 16 && value.length > ctx.breakLength - ctx.indentation - 4 && indexOf(value, '\n') >= 0) {
    const parts = lines(value);
    let done = '';
    for (let i = 0; i < parts.length; i++) {
      const last = i === parts.length - 1;
      if (last && parts[i] === '') break;
      if (i > 0) done += ` +\n${repeat(' ', ctx.indentation + 2)}`;
      done += escaped(last ? parts[i] : `${parts[i]}\n`);
    }
    return done + rest;
  }
  return escaped(value) + rest;
}

/** The name of the class of an object: the first prototype that says one. */
function className(value) {
  for (let holder = value, i = 0; holder !== null && i < 100; holder = getPrototypeOf(holder), i++) {
    const named = getOwnPropertyDescriptor(holder, 'constructor')?.value;
    if (typeof named !== 'function') continue;
    const name = getOwnPropertyDescriptor(named, 'name')?.value;
    if (typeof name === 'string' && name !== '') return name;
  }
  return null;
}

function tagOf(value, name) {
  for (let holder = value, i = 0; holder !== null && i < 100; holder = getPrototypeOf(holder), i++) {
    const found = getOwnPropertyDescriptor(holder, toStringTag);
    if (found === undefined) continue;
    if (holder === value) return '';
    return typeof found.value === 'string' && found.value !== '' && found.value !== name ? found.value : '';
  }
  return '';
}

function prefix(name, tag, otherwise, size = '') {
  if (name === null) return `[${otherwise}${size}: null prototype] ${tag !== '' && tag !== otherwise ? `[${tag}] ` : ''}`;
  return `${name}${size} ${tag !== '' && tag !== name ? `[${tag}] ` : ''}`;
}

function shownKeys(value) {
  const names = keys(value);
  const all = ownKeys(value);
  for (let i = 0; i < all.length; i++) if (typeof all[i] === 'symbol' && propertyIsEnumerable(value, all[i])) push(names, all[i]);
  return names;
}

function isIndex(key, length) {
  return typeof key === 'string' && `${key >>> 0}` === key && key >>> 0 < length;
}

function otherKeys(value, length) {
  const all = shownKeys(value);
  const found = [];
  for (let i = length > 10_000 ? length : 0; i < all.length; i++) if (!isIndex(all[i], length)) push(found, all[i]);
  return found;
}

const NOTHING = () => [];

/** What kind of object it is: its braces, its text before them, and what stands between them. */
function shape(ctx, value) {
  const name = className(value);
  const tag = tagOf(value, name);
  const kind = { __proto__: null, base: '', open: '{', close: '}', keys: undefined, entries: NOTHING, isList: false, plain: false, name, tag };
  if (isArray(value)) {
    kind.keys = otherKeys(value, value.length);
    kind.open = `${name !== 'Array' || tag !== '' ? prefix(name, tag, 'Array', `(${value.length})`) : ''}[`;
    kind.close = ']';
    kind.isList = true;
    kind.entries = arrayEntries;
  } else if (isView(value) && typedArrayName(value) !== undefined) {
    const size = arrayLength(value);
    kind.keys = size > 1000 ? [] : otherKeys(value, size);
    kind.open = `${prefix(name, tag, typedArrayName(value), `(${size})`)}[`;
    kind.close = ']';
    kind.isList = true;
    kind.entries = typedEntries;
  } else if (typeof value === 'function') {
    kind.base = functionBase(value, name, tag);
  } else if (isErrorObject(value)) {
    errorShape(ctx, kind, value);
  } else if (domException(value) !== undefined) {
    const told = domException(value);
    kind.base = `DOMException [${told.name}]: ${told.message}`;
  } else if (kindOf(getPrototypeOf(value)) === undefined) {
    if (!webShape(kind, value)) plainShape(kind, value);
  } else if (brand(mapSize, value)) {
    kind.open = `${prefix(name, tag, 'Map', `(${mapSize(value)})`)}{`;
    kind.entries = mapEntries;
  } else if (brand(setSize, value)) {
    kind.open = `${prefix(name, tag, 'Set', `(${setSize(value)})`)}{`;
    kind.entries = setEntries;
  } else if (brand(dateValue, value)) {
    const time = dateValue(value);
    kind.base = time === time ? dateToISO(value) : 'Invalid Date';
  } else if (value !== regExpPrototype && brand(regExpSource, value)) {
    kind.base = regExpText(value);
  } else if (brand(bufferLength, value)) {
    kind.open = `${prefix(name, tag, 'ArrayBuffer')}{`;
    kind.entries = bufferEntries;
  } else if (boxed(kind, value)) {
    return kind;
  } else if (brand((it) => weakSetHas(it, value), value) || brand((it) => weakMapHas(it, value), value)) {
    kind.open = `${prefix(name, tag, 'WeakMap')}{`;
    kind.entries = () => ['<items unknown>'];
  } else {
    plainShape(kind, value);
    if (kindOf(getPrototypeOf(value)) === 'promise') kind.entries = promiseEntries;
  }
  return kind;
}

// What they are made of is not among their own properties.
const urlGetters = [];
const URL_PARTS = ['href', 'origin', 'protocol', 'username', 'password', 'host', 'hostname', 'port', 'pathname', 'search', 'searchParams', 'hash'];
for (let i = 0; i < URL_PARTS.length; i++) urlGetters[i] = uncurry(getOwnPropertyDescriptor(URL.prototype, URL_PARTS[i]).get);
const { prototype: urlPrototype } = URL;
const { prototype: paramsPrototype } = URLSearchParams;
const paramsForEach = uncurry(URLSearchParams.prototype.forEach);

function descends(value, prototype) {
  for (let holder = getPrototypeOf(value), i = 0; holder !== null && i < 20; holder = getPrototypeOf(holder), i++) if (holder === prototype) return true;
  return false;
}

/** `URL` and `URLSearchParams`, as node shows them. */
function webShape(kind, value) {
  if (descends(value, urlPrototype) && brand(urlGetters[0], value)) {
    kind.open = `${prefix(kind.name, kind.tag, 'URL')}{`;
    kind.entries = urlEntries;
  } else if (descends(value, paramsPrototype) && brand((it) => paramsForEach(it, () => {}), value)) {
    kind.open = `${prefix(kind.name, kind.tag, 'URLSearchParams')}{`;
    kind.entries = paramsEntries;
  } else {
    return false;
  }
  return true;
}

function urlEntries(ctx, value, depth) {
  const output = [];
  ctx.indentation += 2;
  for (let i = 0; i < URL_PARTS.length; i++) push(output, `${URL_PARTS[i]}: ${formatted(ctx, urlGetters[i](value), depth, true)}`);
  ctx.indentation -= 2;
  return output;
}

function paramsEntries(ctx, value) {
  const output = [];
  paramsForEach(value, (item, key) => push(output, `${escaped(key)} => ${escaped(item)}`));
  return output;
}

function plainShape(kind, value) {
  const { name, tag } = kind;
  kind.plain = true;
  if (tag === '' && objectText(value) === '[object Arguments]') kind.open = '[Arguments] {';
  else if (name === null && isNamespace(value)) kind.open = '[Module: null prototype] {';
  else if (name !== 'Object' || tag !== '') kind.open = `${prefix(name, tag, 'Object')}{`;
}

function boxed(kind, value) {
  const kinds = [['Number', numberValue], ['String', stringValue], ['Boolean', booleanValue], ['BigInt', bigintValue], ['Symbol', symbolValue]];
  for (let i = 0; i < kinds.length; i++) {
    const type = kinds[i][0];
    const valueOf = kinds[i][1];
    if (!brand(valueOf, value)) continue;
    const inner = valueOf(value);
    kind.base = `[${type}: ${typeof inner === 'string' ? escaped(inner) : primitive(undefined, inner)}]`;
    if (type === 'String') kind.keys = otherKeys(value, inner.length);
    return true;
  }
  return false;
}

function functionBase(value, name, tag) {
  const source = functionText(value);
  const own = getOwnPropertyDescriptor(value, 'name')?.value;
  const called = typeof own === 'string' && own !== '' ? own : undefined;
  if (startsWith(source, 'class') && endsWith(source, '}')) {
    const parent = getPrototypeOf(value);
    const parentName = typeof parent === 'function' ? getOwnPropertyDescriptor(parent, 'name')?.value : undefined;
    return `[class ${called ?? '(anonymous)'}${parentName ? ` extends ${parentName}` : ''}]`;
  }
  const type = name === null ? 'Function (null prototype)' : name;
  const suffix = tag !== '' && tag !== name ? ` [${tag}]` : '';
  return `[${type}${called === undefined ? ' (anonymous)' : `: ${called}`}]${suffix}`;
}

const HIDDEN = ['cause', 'errors'];

function errorShape(ctx, kind, error) {
  let shown = read(error, 'stack');
  const name = read(error, 'name') || 'Error';
  const message = read(error, 'message');
  if (shown === '') shown = message === '' ? name : `${name}: ${message}`;
  const frames = indexOf(shown, '\n    at ');
  kind.base = frames < 0 ? `[${shown}]` : shown;
  if (ctx.indentation > 0) {
    const parts = lines(kind.base);
    for (let i = 0, done = ''; i < parts.length; i++) {
      done += i === 0 ? parts[i] : `\n${repeat(' ', ctx.indentation)}${parts[i]}`;
      if (i === parts.length - 1) kind.base = done;
    }
  }
  const found = [];
  const all = shownKeys(error);
  for (let i = 0; i < all.length; i++) {
    const known = all[i] === 'name' || all[i] === 'message' || all[i] === 'stack';
    if (!known || indexOf(shown, read(error, all[i])) < 0) push(found, all[i]);
  }
  for (let i = 0; i < HIDDEN.length; i++) {
    if (hasOwn(error, HIDDEN[i]) && !propertyIsEnumerable(error, HIDDEN[i])) push(found, HIDDEN[i]);
  }
  kind.keys = found;
}

function arrayEntries(ctx, value, depth) {
  const { length } = value;
  const shown = min(length, ctx.maxArrayLength);
  const output = [];
  let i = 0;
  for (; i < length && output.length < shown; i++) {
    if (hasOwn(value, i)) {
      push(output, property(ctx, value, i, depth, true));
      continue;
    }
    const from = i;
    while (i + 1 < length && i - from < 1e6 && !hasOwn(value, i + 1)) i++;
    const empty = i - from + 1;
    push(output, `<${empty} empty item${empty > 1 ? 's' : ''}>`);
  }
  return withMore(output, length - i);
}

function withMore(output, more) {
  if (more > 0) push(output, `... ${more} more item${more > 1 ? 's' : ''}`);
  return output;
}

function typedEntries(ctx, value) {
  const length = arrayLength(value);
  const output = [];
  for (let i = 0; i < min(length, ctx.maxArrayLength); i++) push(output, primitive(ctx, value[i]));
  return withMore(output, length - output.length);
}

function setEntries(ctx, value, depth) {
  const output = [];
  ctx.indentation += 2;
  setForEach(value, (item) => {
    if (output.length < ctx.maxArrayLength) push(output, formatted(ctx, item, depth, true));
  });
  ctx.indentation -= 2;
  return withMore(output, setSize(value) - output.length);
}

function mapEntries(ctx, value, depth) {
  const output = [];
  ctx.indentation += 2;
  mapForEach(value, (item, key) => {
    if (output.length < ctx.maxArrayLength) push(output, `${formatted(ctx, key, depth, true)} => ${formatted(ctx, item, depth, true)}`);
  });
  ctx.indentation -= 2;
  return withMore(output, mapSize(value) - output.length);
}

/** `of` says how a promise is; in a component that was built nobody can. */
export const states = { __proto__: null, of: undefined };
function promiseEntries(ctx, value, depth) {
  if (states.of === undefined) return ['<state not shown>'];
  const told = states.of(value);
  if (told === undefined || told[0] === 0) return told === undefined ? [] : ['<pending>'];
  ctx.indentation += 2;
  const text = formatted(ctx, told[1], depth, true);
  ctx.indentation -= 2;
  return [told[0] === 1 ? `<rejected> ${text}` : text];
}

function bufferEntries(ctx, value) {
  const bytes = bytesOf(value);
  const length = arrayLength(bytes);
  let text = '';
  for (let i = 0; i < min(length, 50); i++) text += `${i > 0 ? ' ' : ''}${bytes[i] < 16 ? '0' : ''}${bytes[i].toString(16)}`;
  if (length > 50) text += ` ... ${length - 50} more byte${length > 51 ? 's' : ''}`;
  return [`[Uint8Contents]: <${text}>`, `byteLength: ${length}`];
}

function object(ctx, value, depth, typed) {
  const kind = shape(ctx, value);
  const names = kind.keys ?? shownKeys(value);
  if (ctx.sorted) apply(sort, names, [byText]);
  if (names.length === 0) {
    if (kind.entries === NOTHING) {
      if (kind.base !== '') return kind.base;
      return `${kind.open}${kind.close}`;
    }
    if (kind.isList && value.length === 0) return `${kind.open}]`;
  }
  if (depth > ctx.depth) {
    const name = kind.name === null ? slice(prefix(null, kind.tag, isArray(value) ? 'Array' : 'Object'), 0, -1) : `[${isArray(value) ? 'Array' : kind.name}]`;
    return name;
  }
  push(ctx.seen, value);
  ctx.current = depth;
  const output = kind.entries(ctx, value, depth + 1);
  for (let i = 0; i < names.length && ctx.characters > 0; i++) push(output, property(ctx, value, names[i], depth + 1, false));
  ctx.seen.length--;
  let { base } = kind;
  const reference = ctx.circular === undefined ? undefined : mapGet(ctx.circular, value);
  if (reference !== undefined) base = base === '' ? `<ref *${reference}>` : `<ref *${reference}> ${base}`;
  if (kind.entries !== NOTHING && output.length === 0 && base === '') return `${kind.open}${kind.close}`;
  const done = single(ctx, output, base, kind, depth, value);
  ctx.characters -= kind.open.length + 4;
  return done;
}

function single(ctx, output, base, kind, depth, value) {
  const entries = output.length;
  if (kind.isList && entries > 6 && ctx.compact >= 1) output = grouped(ctx, output, isArray(value) ? value : undefined, isView(value));
  const start = base === '' ? '' : `${base} `;
  if (ctx.current - depth < ctx.compact && entries === output.length) {
    // What fits in one line is shown in one.
    let length = output.length + output.length + ctx.indentation + kind.open.length + base.length + 10;
    let fits = length + output.length <= ctx.breakLength && (base === '' || indexOf(base, '\n') < 0);
    for (let i = 0; i < output.length && fits; i++) {
      length += output[i].length;
      fits = length <= ctx.breakLength && indexOf(output[i], '\n') < 0;
    }
    if (fits) return `${start}${kind.open} ${join(output, ', ')} ${kind.close}`;
  }
  return start + blocked(ctx, output, kind.open, kind.close);
}

/** What a module exports by a name, if its declaration was reached. */
function member(ctx, get, depth) {
  let value;
  try {
    value = get();
  } catch {
    return '<uninitialized>';
  }
  return formatted(ctx, value, depth, true);
}

function property(ctx, holder, key, depth, isElement) {
  const found = getOwnPropertyDescriptor(holder, key) ?? { __proto__: null, value: undefined, enumerable: true };
  let text;
  if (found.get !== undefined && isNamespace(holder)) {
    ctx.indentation += 2;
    text = member(ctx, found.get, depth);
    ctx.indentation -= 2;
  } else if (found.get !== undefined) text = found.set !== undefined ? '[Getter/Setter]' : '[Getter]';
  else if (found.set !== undefined) text = '[Setter]';
  else {
    ctx.indentation += 2;
    text = formatted(ctx, found.value, depth, true);
    ctx.indentation -= 2;
  }
  if (isElement) return text;
  let name;
  if (typeof key === 'symbol') name = `[${symbolText(key)}]`;
  else if (key === '__proto__') name = "['__proto__']";
  else if (!found.enumerable) name = `[${key}]`;
  else name = isIdentifier(key) ? key : escaped(key);
  ctx.characters -= name.length;
  return `${name}: ${text}`;
}
