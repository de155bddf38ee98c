// `Headers` of the fetch standard. What it lets through the host checks again.

import { TheTypeError, isArray, join, lowerCase, startsWith } from './primordials.js';

const { JSON, Object, Set, Symbol } = globalThis;

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const BREAK = /[\0\r\n]/;
const OUTER_SPACE = /^[\t\r\n ]+|[\t\r\n ]+$/g;

/** What the host decides: a request's own are left out without a word, as in browsers. */
const OURS = {
  __proto__: null,
  'accept-encoding': true,
  connection: true,
  'content-length': true,
  expect: true,
  host: true,
  'keep-alive': true,
  te: true,
  trailer: true,
  'transfer-encoding': true,
  upgrade: true,
};

function nameOf(name) {
  const text = `${name}`;
  if (!NAME.test(text)) throw new TheTypeError(`Headers: ${JSON.stringify(text)} is no name of a header`);
  return lowerCase(text);
}

function valueOf(value) {
  const text = `${value}`.replace(OUTER_SPACE, '');
  if (BREAK.test(text)) throw new TheTypeError('Headers: a value has a line break or a null character');
  return text;
}

export class Headers {
  /** Pairs of a name in lower case and a value, in their order. */
  #list = [];
  #ofRequest = false;

  constructor(init) {
    if (init !== undefined) this.#fill(init);
  }

  #fill(init) {
    if (init === null || typeof init !== 'object') {
      throw new TheTypeError('Headers: made of an object, of pairs, or of other headers');
    }
    const pairs = typeof init[Symbol.iterator] === 'function' ? init : Object.entries(init);
    for (const pair of pairs) {
      const [name, value, ...more] = pair;
      if (value === undefined || more.length > 0) throw new TheTypeError('Headers: a pair has a name and a value');
      this.append(name, value);
    }
  }

  /** Those of a request: what is the host's is left out. */
  static ofRequest(init) {
    const headers = new Headers();
    headers.#ofRequest = true;
    if (init !== undefined) headers.#fill(init);
    return headers;
  }

  /** Those of an answer, as the host tells them. */
  static told(list) {
    const headers = new Headers();
    headers.#list = list;
    return headers;
  }

  static list(headers) {
    return headers.#list;
  }

  #isOurs(name) {
    return this.#ofRequest && (OURS[name] === true || startsWith(name, 'proxy-'));
  }

  append(name, value) {
    const key = nameOf(name);
    const text = valueOf(value);
    if (!this.#isOurs(key)) this.#list[this.#list.length] = [key, text];
  }

  set(name, value) {
    const key = nameOf(name);
    const text = valueOf(value);
    if (this.#isOurs(key)) return;
    const at = this.#list.findIndex((pair) => pair[0] === key);
    if (at < 0) {
      this.append(key, text);
      return;
    }
    this.#list = this.#list.filter((pair, i) => pair[0] !== key || i === at);
    this.#list[at] = [key, text];
  }

  delete(name) {
    const key = nameOf(name);
    this.#list = this.#list.filter((pair) => pair[0] !== key);
  }

  #values(key) {
    return this.#list.filter((pair) => pair[0] === key).map((pair) => pair[1]);
  }

  has(name) {
    return this.#values(nameOf(name)).length > 0;
  }

  get(name) {
    const values = this.#values(nameOf(name));
    return values.length === 0 ? null : join(values, ', ');
  }

  getSetCookie() {
    return this.#values('set-cookie');
  }

  forEach(callback, self) {
    if (typeof callback !== 'function') throw new TheTypeError('Headers.forEach takes a function');
    for (const [name, value] of this.entries()) callback.call(self, value, name, this);
  }

  /** Ordered by name, each once; but each cookie for itself. */
  *entries() {
    const names = [...new Set(this.#list.map((pair) => pair[0]))].sort();
    for (const name of names) {
      const values = this.#values(name);
      if (name === 'set-cookie') for (const value of values) yield [name, value];
      else yield [name, join(values, ', ')];
    }
  }

  *keys() {
    for (const [name] of this.entries()) yield name;
  }

  *values() {
    for (const [, value] of this.entries()) yield value;
  }

  [Symbol.iterator]() {
    return this.entries();
  }

  get [Symbol.toStringTag]() {
    return 'Headers';
  }

  [Symbol.for('nodejs.util.inspect.custom')]() {
    return shownAs(Headers, Object.fromEntries(this.entries()));
  }
}

/** What the console shows of an object whose members are getters. */
export function shownAs(kind, members) {
  const shown = Object.create(kind.prototype, Object.getOwnPropertyDescriptors(members));
  return Object.defineProperty(shown, Symbol.for('nodejs.util.inspect.custom'), { value: undefined });
}
