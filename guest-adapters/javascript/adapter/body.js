// Bodies of requests and answers: whole in memory, as text or as bytes.

import { toBase64 } from './base64.js';
import { TheTypeError, TheUint8Array, bytesFromBase64, bytesOf } from './primordials.js';
import { readAny } from './json.js';
import { quoted } from './values.js';

const { Blob, FormData, ReadableStream, TextDecoder, TextEncoder, URLSearchParams, crypto } = globalThis;

/** Bytes of a request's body that the host takes. */
const MOST = 8 << 20;

/** Characters of a text whose JSON always fits one message. */
const MOST_AS_TEXT = 2 << 20;

/** What a body is made of: {text}, {bytes}, or {later}, which promises bytes; and its media type. */
function content(body) {
  if (typeof body === 'string') return { text: body, type: 'text/plain;charset=UTF-8' };
  if (body instanceof URLSearchParams) {
    return { text: `${body}`, type: 'application/x-www-form-urlencoded;charset=UTF-8' };
  }
  if (body instanceof Blob) {
    return { later: async () => new TheUint8Array(await body.arrayBuffer()), type: body.type === '' ? undefined : body.type };
  }
  if (body instanceof FormData) return multipart(body);
  if (body instanceof ReadableStream) {
    if (body.locked) throw new TheTypeError('the stream of a body is read by somebody else');
    return { stream: body, later: () => whole(body) };
  }
  const bytes = typeof body === 'object' ? bytesOf(body) : undefined;
  if (bytes !== undefined) return { bytes: bytes.slice() };
  return { text: `${body}`, type: 'text/plain;charset=UTF-8' };
}

async function whole(stream) {
  const parts = [];
  let size = 0;
  for await (const part of stream) {
    const bytes = typeof part === 'object' && part !== null ? bytesOf(part) : undefined;
    if (bytes === undefined) throw new TheTypeError('the stream of a body holds something else than bytes');
    parts.push(bytes.slice());
    size += bytes.length;
  }
  return joined(parts, size);
}

function joined(parts, size) {
  const all = new TheUint8Array(size);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function multipart(form) {
  const boundary = `----wxmcp${crypto.randomUUID().replaceAll('-', '')}`;
  const encoder = new TextEncoder();
  const escaped = (name) => name.replaceAll('\n', '%0A').replaceAll('\r', '%0D').replaceAll('"', '%22');
  const later = async () => {
    const parts = [];
    for (const [name, value] of form) {
      let head = `--${boundary}\r\nContent-Disposition: form-data; name="${escaped(name)}"`;
      if (typeof value === 'string') {
        parts.push(encoder.encode(`${head}\r\n\r\n${value.replace(/\r\n|\r|\n/g, '\r\n')}\r\n`));
        continue;
      }
      head += `; filename="${escaped(value.name ?? 'blob')}"\r\nContent-Type: ${value.type || 'application/octet-stream'}`;
      parts.push(encoder.encode(`${head}\r\n\r\n`), new TheUint8Array(await value.arrayBuffer()), encoder.encode('\r\n'));
    }
    parts.push(encoder.encode(`--${boundary}--\r\n`));
    return joined(parts, parts.reduce((size, part) => size + part.length, 0));
  };
  return { later, type: `multipart/form-data; boundary=${boundary}` };
}

/** What `Request` and `Response` have in common. */
export class Body {
  #content;
  #used = false;
  #stream;

  /** Takes what a script gave, or what the host told. */
  static hold(to, body, headers, told) {
    if (told !== undefined) {
      to.#content = told.text === undefined ? { bytes: bytesFromBase64(told.bytes ?? '') } : { text: told.text };
      return;
    }
    to.#content = content(body);
    const { type } = to.#content;
    if (type !== undefined && !headers.has('content-type')) headers.set('content-type', type);
  }

  /** The same body for another object; a stream goes there, other content is shared. */
  static share(from, to) {
    if (from.bodyUsed || from.#stream !== undefined) throw new TheTypeError('the body was used already');
    if (from.#content?.stream !== undefined) throw new TheTypeError('a body that is a stream cannot be copied');
    to.#content = from.#content;
  }

  /** Hands the body of another object over: that one's is used then. */
  static move(from, to) {
    if (from.bodyUsed) throw new TheTypeError('the body was used already');
    to.#content = from.#content;
    from.#used = from.#content !== undefined;
  }

  static hasBody(of) {
    return of.#content !== undefined;
  }

  /** The body as a member of the host's request, or ''. */
  static async asRequest(of) {
    if (of.#content === undefined) return '';
    const { text, bytes } = await of.#consumed();
    if (text !== undefined && text.length <= MOST_AS_TEXT) return `,"text":${quoted(text)}`;
    const all = bytes ?? new TextEncoder().encode(text);
    if (all.length > MOST) throw new TheTypeError(`fetch: the body has ${all.length} bytes, and ${MOST} are the limit`);
    return `,"bytes":${quoted(toBase64(all))}`;
  }

  async #consumed() {
    if (this.bodyUsed) throw new TheTypeError('the body was used already');
    if (this.#stream?.locked) throw new TheTypeError('the stream of the body is read by somebody else');
    return await this.#taken();
  }

  async #taken() {
    this.#used = this.#content !== undefined;
    const { text, bytes, later } = this.#content ?? { text: '' };
    return later === undefined ? { text, bytes } : { bytes: await later() };
  }

  get bodyUsed() {
    return this.#used;
  }

  get body() {
    if (this.#content === undefined) return null;
    if (this.#stream === undefined && this.#content.stream !== undefined) this.#stream = this.#content.stream;
    this.#stream ??= new ReadableStream({
      pull: async (controller) => {
        const { text, bytes } = await this.#taken();
        const all = bytes ?? new TextEncoder().encode(text);
        if (all.length > 0) controller.enqueue(all);
        controller.close();
      },
    }, { highWaterMark: 0 });
    return this.#stream;
  }

  async text() {
    const { text, bytes } = await this.#consumed();
    if (text === undefined) return new TextDecoder().decode(bytes);
    return text.startsWith('\uFEFF') ? text.slice(1) : text;
  }

  async json() {
    return readAny(await this.text());
  }

  async bytes() {
    const { text, bytes } = await this.#consumed();
    return bytes === undefined ? new TextEncoder().encode(text) : bytes.slice();
  }

  async arrayBuffer() {
    return (await this.bytes()).buffer;
  }

  async blob() {
    return new Blob([await this.bytes()], { type: this.headers.get('content-type') ?? '' });
  }

  async formData() {
    const type = this.headers.get('content-type') ?? '';
    if (!type.startsWith('application/x-www-form-urlencoded')) {
      throw new TheTypeError('formData() reads application/x-www-form-urlencoded only: use text() or bytes()');
    }
    const form = new FormData();
    for (const [name, value] of new URLSearchParams(await this.text())) form.append(name, value);
    return form;
  }
}

/** For the classes that are made of it, and not for scripts. */
export const { hold, share, move, hasBody, asRequest } = Body;
for (const name of ['hold', 'share', 'move', 'hasBody', 'asRequest']) delete Body[name];
