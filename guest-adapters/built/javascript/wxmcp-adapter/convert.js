// Between JSON and typed values of a component, by the layout of an interface.
//
// The layout is what `runtime/tooltree/src/wit/layout.rs` writes; the values are those of
// componentize-js. JSON is text on both sides, and integers beyond 2^53 are exact: parsed,
// they are BigInts. What is said of a value that does not fit is what wxmcp itself says.

const { parse, stringify } = JSON;
const { isArray } = Array;
const { isFinite, isInteger, isSafeInteger } = Number;
const { entries, hasOwn, is } = Object;

const LEAST = -(2n ** 63n);
const LARGEST = { __proto__: null, s64: 2n ** 63n - 1n, u64: 2n ** 64n - 1n };
const WORDS = {
  __proto__: null,
  bool: 'a boolean',
  s64: 'an integer',
  u64: 'an integer',
  f64: 'a number',
  string: 'a string',
};
const FOUND = {
  __proto__: null,
  null: 'null',
  boolean: 'a boolean',
  number: 'a number',
  text: 'a string',
  array: 'an array',
  object: 'an object',
};

/** A value that is not of its type: what is wrong, and where, a JSON pointer. */
export class Misfit {
  constructor(reason) {
    this.reason = reason;
    this.path = '';
  }
  /** The same, seen from one level further up. */
  inside(step) {
    const escaped = `${step}`.slice(0, 100).replaceAll('~', '~0').replaceAll('/', '~1');
    this.path = `/${escaped}${this.path}`;
    return this;
  }
  toString() {
    return this.path === '' ? this.reason : `at \`${this.path}\`: ${this.reason}`;
  }
}

/** JSON as values: integers that a number cannot hold are BigInts. */
export function read(text) {
  return hasManyDigits(text) ? parse(text, exactly) : parse(text);
}

/** Whether a text may hold an integer that a number cannot hold. */
export function hasManyDigits(text) {
  return large.test(text);
}
const large = /\d{16}/;
const integer = /^-?\d+$/;

function exactly(key, value, { source }) {
  if (typeof value !== 'number' || isSafeInteger(value) || !integer.test(source)) return value;
  return BigInt(source);
}

/** JSON of such values. */
export function write(value) {
  if (typeof value === 'bigint') return `${value}`;
  if (typeof value === 'number') return number(value);
  if (typeof value !== 'object' || value === null) return stringify(value);
  if (isArray(value)) return `[${value.map(write).join(',')}]`;
  return `{${entries(value).map(([name, item]) => `${stringify(name)}:${write(item)}`).join(',')}}`;
}

/** A number whose text, read as an integer, is no other one. */
function number(value) {
  const text = is(value, -0) ? '-0' : `${value}`;
  const isOther = is(value, -0) || (isInteger(value) && !isSafeInteger(value));
  return isOther && !text.includes('e') ? `${text}.0` : text;
}

/** The types of one interface. */
export class Interface {
  #definitions;
  constructor(layout) {
    this.#definitions = layout.definitions;
  }

  /** The parameters of a function, of the JSON value that its tool takes. */
  parameters(record, given) {
    return record === null ? [write(given)] : this.#fields(record, object(given)).map(([, value]) => value);
  }

  /** The JSON value that the parameters of a function stand for. */
  arguments(record, parameters) {
    if (record === null) return read(parameters[0]);
    let next = 0;
    return this.#members(record, () => parameters[next++]);
  }

  /** The typed value that a JSON value stands for. */
  value(of, given) {
    if (typeof of === 'string') return scalar(of, given);
    const [kind, inner] = entries(of)[0];
    if (kind === 'named') return this.#named(this.#definitions[inner], given);
    if (kind === 'option') return given === null ? undefined : this.value(inner, given);
    if (kind === 'map') return this.#pairs(inner, entries(object(given)));
    if (!isArray(given)) throw expected('an array', given);
    if (kind === 'list') return given.map((item, i) => at(i, () => this.value(inner, item)));
    if (inner.length !== given.length) throw new Misfit(`expected ${inner.length} items, found ${given.length}`);
    return inner.map((type, i) => at(i, () => this.value(type, given[i])));
  }

  /** The JSON value that a typed value stands for. */
  plain(of, value) {
    if (of === 'json') return read(value);
    if (of === 'f64' && !isFinite(value)) throw new Misfit('JSON has no number that is infinite or not a number');
    if (typeof of === 'string') return value;
    const [kind, inner] = entries(of)[0];
    if (kind === 'named') return this.#plainNamed(this.#definitions[inner], value);
    if (kind === 'option') return value === undefined || value === null ? null : this.plain(inner, value);
    if (kind === 'map') return this.#add(Object.create(null), inner, value);
    if (kind === 'list') return [...value].map((item, i) => at(i, () => this.plain(inner, item)));
    return inner.map((type, i) => at(i, () => this.plain(type, value[i])));
  }

  #named(definition, given) {
    const { label } = definition;
    if (definition.record !== undefined) {
      return Object.fromEntries(this.#fields(definition.record, object(given)).map(([name, it]) => [camel(name), it]));
    }
    if (definition.enum !== undefined) {
      const found = definition.enum.find(({ json }) => same(json, given));
      if (found === undefined) throw new Misfit(`it is none of the constants of \`${label}\``);
      return found.label;
    }
    if (definition.flags !== undefined) return flags(definition.flags, object(given));
    const kind = kindOf(given);
    for (const one of definition.variant) {
      if (one.takes.includes(kind) && (definition.tag === null || kind !== 'object' || isTagged(definition, one, given))) {
        return { tag: one.label, val: this.value(one.of, given) };
      }
    }
    throw new Misfit(`it fits no case of \`${label}\``);
  }

  #plainNamed(definition, value) {
    if (definition.record !== undefined) return this.#members(definition.record, (label) => value[camel(label)]);
    if (definition.enum !== undefined) return definition.enum.find(({ label }) => label === value).json;
    if (definition.flags !== undefined) {
      const found = Object.create(null);
      for (const { label, name } of definition.flags) found[name] = value[camel(label)] === true;
      return found;
    }
    return this.plain(definition.variant.find(({ label }) => label === value.tag).of, value.val);
  }

  /** Label and value of each field. */
  #fields({ members, others, open }, given) {
    const fields = members.map(({ label, name, of, required }) => {
      if (hasOwn(given, name)) return [label, at(name, () => this.value(of, given[name]))];
      if (required) throw new Misfit(`member \`${name}\` is missing`);
      return [label, undefined];
    });
    if (open) return fields;
    const rest = entries(given).filter(([name]) => !members.some((member) => member.name === name));
    if (others !== null) fields.push([others.label, this.#pairs(others.of, rest)]);
    else if (rest.length > 0) throw new Misfit(`there is no member \`${rest[0][0]}\``);
    return fields;
  }

  /** The object whose fields `take` answers, by their labels and in their order. */
  #members({ members, others }, take) {
    const found = Object.create(null);
    for (const { label, name, of, required } of members) {
      const value = take(label);
      if (required || (value !== undefined && value !== null)) found[name] = at(name, () => this.plain(of, value));
    }
    return others === null ? found : this.#add(found, others.of, take(others.label));
  }

  #pairs(of, items) {
    return items.map(([name, item]) => [name, at(name, () => this.value(of, item))]);
  }

  #add(members, of, pairs) {
    for (const [name, item] of pairs) members[name] = at(name, () => this.plain(of, item));
    return members;
  }
}

/** What componentize-js calls a label: `rows-affected` is `rowsAffected`. */
export function camel(label) {
  return label.replace(/-(.)/g, (all, letter) => letter.toUpperCase());
}

function at(step, convert) {
  try {
    return convert();
  } catch (error) {
    throw error instanceof Misfit ? error.inside(step) : error;
  }
}

function scalar(of, given) {
  if (of === 'json') return write(given);
  const kind = kindOf(given);
  if ((of === 'bool' && kind === 'boolean') || (of === 'string' && kind === 'text')) return given;
  if (kind !== 'number' || of === 'bool' || of === 'string') throw expected(WORDS[of], given);
  const misfit = () => new Misfit(`${typeof given === 'bigint' ? given : 'the number'} does not fit \`${of}\` exactly`);
  if (of === 'f64') {
    const float = Number(given);
    if (!isFinite(float) || (typeof given === 'bigint' && BigInt(float) !== given)) throw misfit();
    return float;
  }
  // Beyond 2^53 a number may stand for another integer.
  if (typeof given === 'number' && !isSafeInteger(given)) throw misfit();
  const whole = BigInt(given);
  if (whole < (of === 's64' ? LEAST : 0n) || whole > LARGEST[of]) throw misfit();
  return whole;
}

function flags(all, given) {
  const found = {};
  for (const { label, name } of all) {
    if (!hasOwn(given, name)) throw new Misfit(`member \`${name}\` is missing`);
    if (typeof given[name] !== 'boolean') throw expected('a boolean', given[name]).inside(name);
    found[camel(label)] = given[name];
  }
  for (const other of Object.keys(given)) {
    if (!all.some(({ name }) => name === other)) throw new Misfit(`there is no member \`${other}\``);
  }
  return found;
}

function isTagged({ tag }, { when }, given) {
  return hasOwn(given, tag) && when !== null && when.some((literal) => same(literal, given[tag]));
}

function kindOf(value) {
  if (value === null) return 'null';
  if (isArray(value)) return 'array';
  const type = typeof value;
  return type === 'bigint' ? 'number' : type === 'string' ? 'text' : type;
}

/** Whether a value is this scalar; numbers are the same however they are spelled. */
function same(literal, given) {
  if (kindOf(literal) !== kindOf(given) || typeof given === 'object') return given === literal;
  if (kindOf(given) !== 'number') return literal === given;
  return literal == given; // also of a number and a BigInt
}

function object(given) {
  if (kindOf(given) !== 'object') throw expected('an object', given);
  return given;
}

function expected(wanted, given) {
  return new Misfit(`expected ${wanted}, found ${FOUND[kindOf(given)]}`);
}
