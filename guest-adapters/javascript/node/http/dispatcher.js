// The dispatcher that the package `undici` finds: it looks for one on the global object before it makes its own, which
// would need sockets. By it go `fetch`, `request` and all else that names no dispatcher.

import { asBuffer, bytesFrom } from '../buffer.js';
import { plainError } from '../errors.js';
import { exchange } from '../../exchange.js';
import { need } from '../registry.js';
import { SOCKETS } from '../sockets.js';
import { socketError } from './failures.js';
import { MOST, bodyOf, contentOf, sendable, tooMuch } from './wire.js';

const { Array, FormData, Blob, Object, Promise, Response, Symbol, URL, URLSearchParams } = globalThis;

/** Bytes of a part of an answer. */
const PART = 64 << 10;

/** The names by which versions of the package know it. */
const NAMES = ['undici.globalDispatcher.1', 'undici.globalDispatcher.2'];

let dispatcher;

export function installDispatcher(target) {
  for (const name of NAMES) {
    Object.defineProperty(target, Symbol.for(name), {
      get: () => (dispatcher ??= made()),
      set(value) {
        dispatcher = value;
      },
      enumerable: false,
      configurable: true,
    });
  }
}

function made() {
  const EventEmitter = need('events');
  return new (class Dispatcher extends EventEmitter {
    dispatch(options, handler) {
      new Dispatched(options, handler).run();
      return true;
    }
    async close() {}
    async destroy() {}
  })();
}

/** Names and values of headers: a list of both, an object, or pairs. */
function pairsOf(headers) {
  if (headers === null || headers === undefined) return [];
  if (Array.isArray(headers)) {
    const pairs = [];
    if (Array.isArray(headers[0])) pairs.push(...headers);
    else for (let i = 0; i + 1 < headers.length; i += 2) pairs.push([headers[i], headers[i + 1]]);
    return flat(pairs);
  }
  return flat(typeof headers[Symbol.iterator] === 'function' ? [...headers] : Object.entries(headers));
}
function flat(pairs) {
  return pairs.flatMap(([name, value]) => (value === undefined ? [] : [value].flat().map((one) => [`${name}`, `${one}`])));
}

/** The parts of a body; `told` gets the type that it has by itself. */
async function partsOf(body, told) {
  if (body === null || body === undefined) return [];
  if (typeof body === 'string') return [body];
  if (body instanceof FormData || body instanceof Blob || body instanceof URLSearchParams) {
    const response = new Response(body);
    told(response.headers.get('content-type'));
    return [await response.bytes()];
  }
  if (ArrayBuffer.isView(body) || body instanceof ArrayBuffer) return [bytesFrom(body).slice()];
  const parts = [];
  let size = 0;
  for await (const part of body) {
    parts.push(typeof part === 'string' ? part : bytesFrom(part).slice());
    size += part.length;
    if (size > MOST) throw plainError('EMSGSIZE', tooMuch());
  }
  return parts;
}

/** One request, of a handler in either of the forms that the package has had. */
class Dispatched {
  #options;
  #handler;
  #isNew;
  #abandon;
  #wake;
  paused = false;
  aborted = false;
  reason = null;
  rawHeaders = null;
  rawTrailers = null;

  constructor(options, handler) {
    this.#options = options;
    this.#handler = handler;
    this.#isNew = typeof handler.onRequestStart === 'function';
  }

  pause() {
    this.paused = true;
  }
  resume() {
    this.paused = false;
    this.#wake?.();
  }
  abort(reason) {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason ?? plainError('UND_ERR_ABORTED', 'Request aborted');
    this.#abandon?.();
    this.#wake?.();
    this.#failed(this.reason);
  }

  #failed(error) {
    if (this.#isNew) this.#handler.onResponseError?.(this, error);
    else this.#handler.onError(error);
  }

  async run() {
    const handler = this.#handler;
    try {
      if (this.#isNew) handler.onRequestStart(this, {});
      else handler.onConnect?.((reason) => this.abort(reason));
      if (this.aborted) return;
      const answer = await this.#sent();
      if (this.aborted) return;
      await this.#told(answer);
    } catch (error) {
      if (!this.aborted) {
        this.aborted = true;
        this.#failed(error);
      }
    }
  }

  async #sent() {
    const { origin, path, query, method = 'GET', headers, body, upgrade } = this.#options;
    if (upgrade || method === 'CONNECT') throw plainError('ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', `an upgrade of a connection is not possible in the sandbox: ${SOCKETS}`);
    const url = new URL(path, origin);
    if (query) for (const [name, value] of Object.entries(query)) for (const one of [value].flat()) url.searchParams.append(name, `${one}`);
    const pairs = pairsOf(headers);
    const parts = await partsOf(body, (type) => {
      if (type !== null && !pairs.some(([name]) => name.toLowerCase() === 'content-type')) pairs.push(['content-type', type]);
    });
    if (this.aborted) return undefined;
    const { promise, abandon } = exchange(url.href, method, sendable(pairs), bodyOf(parts));
    return await new Promise((resolve, reject) => {
      this.#abandon = () => {
        abandon({});
        resolve(undefined);
      };
      promise.then(resolve, (told) => reject(socketError(told, url.hostname, Number(url.port || (url.protocol === 'https:' ? 443 : 80)))));
    });
  }

  async #told(answer) {
    const { Buffer } = need('buffer');
    const handler = this.#handler;
    this.#abandon = undefined;
    this.rawHeaders = answer.headers.flatMap((pair) => pair.map((text) => Buffer.from(text, 'latin1')));
    let goesOn;
    if (this.#isNew) {
      handler.onResponseStart?.(this, answer.status, joined(answer.headers), answer.reason);
      goesOn = !this.paused;
    } else {
      handler.onResponseStarted?.();
      goesOn = handler.onHeaders(answer.status, this.rawHeaders, () => this.resume(), answer.reason) !== false;
    }
    const content = contentOf(answer, this.#options.method);
    for (let at = 0; at < content.length; at += PART) {
      if (!goesOn) await this.#resumed();
      if (this.aborted) return;
      const part = asBuffer(content.subarray(at, at + PART));
      if (this.#isNew) {
        handler.onResponseData?.(this, part);
        goesOn = !this.paused;
      } else {
        goesOn = handler.onData(part) !== false;
      }
    }
    if (this.aborted) return;
    if (this.#isNew) handler.onResponseEnd?.(this, {});
    else handler.onComplete([]);
  }

  async #resumed() {
    await new Promise((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = undefined;
  }
}

function joined(headers) {
  const found = {};
  for (const [name, value] of headers) found[name] = name in found ? [found[name], value].flat() : value;
  return found;
}
