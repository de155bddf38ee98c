// `fetch` of the standard, as far as there is no page around it: requests are the host's to
// send, to hosts that the script or the tool was granted.

import { Body, asRequest, hasBody, hold, move, share } from './body.js';
import { Headers, shownAs } from './headers.js';
import { TheError, TheRangeError, TheTypeError, apply, define, defineProperty, getOwnPropertyDescriptor, push } from './primordials.js';
import { HTTP, begin } from './seam.js';
import { quoted } from './values.js';

// A script of a session may declare names of its own for any of them.
const { AbortController, AbortSignal, DOMException, JSON, Number, Object, Symbol, URL } = globalThis;
const { addEventListener, removeEventListener } = EventTarget.prototype;
const { get: isAborted } = getOwnPropertyDescriptor(AbortSignal.prototype, 'aborted');
const { get: reasonOf } = getOwnPropertyDescriptor(AbortSignal.prototype, 'reason');

const METHOD = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const USUAL = /^(delete|get|head|options|post|put)$/i;
const NEVER = /^(connect|trace|track)$/i;
/** Statuses of answers that have no body. */
const BODILESS = [101, 103, 204, 205, 304];
const REDIRECTS = ['follow', 'error', 'manual'];

class Request extends Body {
  #url;
  #method = 'GET';
  #headers;
  #redirect = 'follow';
  #signal;

  constructor(input, init = {}) {
    super();
    if (arguments.length === 0) throw new TheTypeError('Request: there is no URL');
    init ??= {};
    const from = input instanceof Request ? input : undefined;
    this.#url = from === undefined ? absolute(input) : from.#url;
    if (from !== undefined) {
      this.#method = from.#method;
      this.#redirect = from.#redirect;
      this.#signal = from.#signal;
    }
    if (init.method !== undefined) this.#method = methodOf(init.method);
    this.#headers = ofRequest(init.headers ?? from?.headers);
    if (init.redirect !== undefined) this.#redirect = redirectOf(init.redirect);
    if (init.signal !== undefined) this.#signal = init.signal ?? undefined;
    // Whether it is one: the getter throws for anything else.
    if (this.#signal !== undefined) apply(isAborted, this.#signal, []);
    const isBodiless = this.#method === 'GET' || this.#method === 'HEAD';
    const isGiven = init.body !== undefined && init.body !== null;
    if (isBodiless && (isGiven || (from !== undefined && hasBody(from)))) {
      throw new TheTypeError('Request: one with GET or HEAD has no body');
    }
    if (isGiven) hold(this, init.body, this.#headers);
    else if (from !== undefined) move(from, this);
  }

  get url() {
    return this.#url;
  }
  get method() {
    return this.#method;
  }
  get headers() {
    return this.#headers;
  }
  get redirect() {
    return this.#redirect;
  }
  get signal() {
    this.#signal ??= new AbortController().signal;
    return this.#signal;
  }

  static signalOf(request) {
    return request.#signal;
  }

  clone() {
    const copy = new Request(this.#url, { headers: this.#headers, redirect: this.#redirect, signal: this.#signal });
    copy.#method = this.#method;
    share(this, copy);
    return copy;
  }

  get [Symbol.toStringTag]() {
    return 'Request';
  }

  [Symbol.for('nodejs.util.inspect.custom')]() {
    const { method, url, headers, redirect, bodyUsed } = this;
    return shownAs(Request, { method, url, headers, redirect, bodyUsed });
  }
}

function absolute(input) {
  let url;
  try {
    url = new URL(`${input}`);
  } catch {
    throw new TheTypeError(`fetch: ${quoted(`${input}`)} is no whole URL, as https://host/path`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new TheTypeError('fetch: a URL with a user name or a password is not taken: send an Authorization header');
  }
  return url.href;
}

function methodOf(method) {
  const text = `${method}`;
  if (!METHOD.test(text) || NEVER.test(text)) throw new TheTypeError(`fetch: the method ${quoted(text)} is not sent`);
  return USUAL.test(text) ? text.toUpperCase() : text;
}

function redirectOf(redirect) {
  if (!REDIRECTS.includes(redirect)) throw new TheTypeError('fetch: redirect is "follow", "error" or "manual"');
  return redirect;
}

class Response extends Body {
  #status = 200;
  #statusText = '';
  #headers;
  #url = '';
  #redirected = false;
  #type = 'default';

  constructor(body = null, init = {}) {
    super();
    init ??= {};
    const status = init.status === undefined ? 200 : Number(init.status);
    if (!(status >= 200 && status <= 599)) throw new TheRangeError('Response: a status is a number from 200 to 599');
    this.#status = status;
    this.#statusText = `${init.statusText ?? ''}`;
    this.#headers = new Headers(init.headers);
    if (body === null || body === undefined) return;
    if (BODILESS.includes(status)) throw new TheTypeError(`Response: with the status ${status} there is no body`);
    hold(this, body, this.#headers);
  }

  /** What the host told. */
  static told(answer) {
    const response = new Response();
    response.#status = answer.status;
    response.#statusText = answer.reason;
    response.#headers = headersOf(answer.headers);
    response.#url = answer.url;
    response.#redirected = answer.redirected;
    response.#type = 'basic';
    if (!BODILESS.includes(answer.status)) hold(response, undefined, response.#headers, answer);
    return response;
  }

  static error() {
    const response = new Response();
    response.#status = 0;
    response.#type = 'error';
    return response;
  }

  static json(data, init) {
    const text = JSON.stringify(data);
    if (text === undefined) throw new TheTypeError('Response.json: the value has no JSON');
    const headers = new Headers(init?.headers);
    if (!headers.has('content-type')) headers.set('content-type', 'application/json');
    return new Response(text, { ...init, headers });
  }

  static redirect(url, status = 302) {
    if (![301, 302, 303, 307, 308].includes(status)) throw new TheRangeError('Response.redirect: that is no status of a redirect');
    return new Response(null, { status, headers: { location: absolute(url) } });
  }

  get status() {
    return this.#status;
  }
  get statusText() {
    return this.#statusText;
  }
  get ok() {
    return this.#status >= 200 && this.#status <= 299;
  }
  get headers() {
    return this.#headers;
  }
  get url() {
    return this.#url;
  }
  get redirected() {
    return this.#redirected;
  }
  get type() {
    return this.#type;
  }

  clone() {
    const copy = new Response();
    copy.#status = this.#status;
    copy.#statusText = this.#statusText;
    copy.#headers = new Headers(this.#headers);
    copy.#url = this.#url;
    copy.#redirected = this.#redirected;
    copy.#type = this.#type;
    share(this, copy);
    return copy;
  }

  get [Symbol.toStringTag]() {
    return 'Response';
  }

  [Symbol.for('nodejs.util.inspect.custom')]() {
    const { status, statusText, headers, ok, redirected, url, bodyUsed } = this;
    return shownAs(Response, { status, statusText, headers, ok, redirected, url, bodyUsed });
  }
}

// For this module, and not for scripts.
const { told: answered } = Response;
const { signalOf } = Request;
const { list: listOf, ofRequest, told: headersOf } = Headers;
delete Response.told;
delete Request.signalOf;
for (const name of ['list', 'ofRequest', 'told']) delete Headers[name];

/** Sends a request; `url` is what the host resolves, below `connection` if there is one. */
async function send(request, url, connection) {
  const signal = signalOf(request);
  const aborted = () => signal !== undefined && apply(isAborted, signal, []);
  if (aborted()) throw apply(reasonOf, signal, []);
  const body = await asRequest(request);
  if (aborted()) throw apply(reasonOf, signal, []);
  const pairs = [];
  const list = listOf(request.headers);
  for (let i = 0; i < list.length; i++) push(pairs, `[${quoted(list[i][0])},${quoted(list[i][1])}]`);
  const through = connection === undefined ? '' : `,"connection":${quoted(connection)}`;
  const { promise, abandon } = begin(
    HTTP,
    `{"url":${quoted(url)},"method":${quoted(request.method)},"redirect":"${request.redirect}","headers":[${pairs.join(',')}]${through}${body}}`,
  );
  const stop = () => abandon(apply(reasonOf, signal, []));
  if (signal !== undefined) apply(addEventListener, signal, ['abort', stop]);
  let failure;
  try {
    return answered(await promise);
  } catch (told) {
    failure = told;
  } finally {
    if (signal !== undefined) apply(removeEventListener, signal, ['abort', stop]);
  }
  throw aborted() ? failure : refused(failure);
}

/** The host's words, as what `fetch` throws. `kind` says which rule, `code` what failed, as node has it. */
function refused({ kind, message, data }) {
  const error = new TheTypeError(`fetch: ${message}`);
  define(error, 'kind', kind);
  if (data?.code !== undefined) {
    define(error, 'code', data.code);
    // Where scripts for node look for it.
    const cause = new TheError(message);
    define(cause, 'code', data.code);
    define(error, 'cause', cause);
  }
  return error;
}

async function fetch(input, init) {
  const request = new Request(input, init);
  return await send(request, request.url);
}

/** A connection of `wxmcp.toml` to a host: its headers are added outside of the sandbox. */
export function http(connection) {
  if (typeof connection !== 'string') throw new TheTypeError('the name of a connection must be a string');
  return Object.freeze({
    __proto__: null,
    async fetch(path, init) {
      if (typeof path !== 'string') throw new TheTypeError(`a path must be a string, not ${typeof path}`);
      // What it is relative to only the host knows.
      const request = new Request('https://connection.invalid/', init);
      return await send(request, path, connection);
    },
  });
}

export function install(target) {
  for (const [name, value] of Object.entries({ Headers, Request, Response, fetch })) define(target, name, value);
}
