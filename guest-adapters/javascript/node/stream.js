// `stream`: the package `readable-stream`, which is Node's own.

import { streamIsHere } from './late_stream.js';
import { need, packaged, provide } from './registry.js';

const { Blob, JSON, Object, Promise, ReadableStream, Symbol, TextDecoder, Uint8Array, WritableStream } = globalThis;

provide('stream', () => {
  const stream = packaged('stream');
  const { Readable, Writable } = stream;
  Readable.fromWeb = (web, options) => Readable.from(web, { objectMode: false, ...options });
  Readable.toWeb = (readable) => ReadableStream.from(readable);
  Writable.toWeb = (writable) =>
    new WritableStream({
      write: (chunk) => new Promise((resolve, reject) => writable.write(chunk, (error) => (error ? reject(error) : resolve()))),
      close: () => new Promise((resolve) => writable.end(resolve)),
      abort: (reason) => void writable.destroy(reason),
    });
  const { finished, promises } = stream;
  const { finished: later } = promises;
  stream.finished = Object.assign((one, ...rest) => finished(watched(one), ...rest), { [Symbol.for('nodejs.util.promisify.custom')]: (...args) => promises.finished(...args) });
  promises.finished = (one, ...rest) => later(watched(one), ...rest);
  streamIsHere();
  return stream;
});

/** Where the package looks for the end of a stream of the web: {promise}. */
const CLOSED = Symbol.for('nodejs.webstream.isClosedPromise');

/** Has a stream of the web tell its end by the reader, or the writer, that it will have. */
function watched(stream) {
  const way = stream instanceof ReadableStream ? 'getReader' : stream instanceof WritableStream ? 'getWriter' : undefined;
  if (way === undefined || stream[CLOSED] !== undefined) return stream;
  const { promise, resolve, reject } = Promise.withResolvers();
  promise.catch(() => {});
  Object.defineProperty(stream, CLOSED, { value: { promise } });
  const get = stream[way];
  Object.defineProperty(stream, way, {
    value(...args) {
      const reader = get.apply(this, args);
      const { releaseLock } = reader;
      let isHeld = true;
      reader.releaseLock = () => {
        isHeld = false;
        releaseLock.call(reader);
      };
      reader.closed.then(resolve, (error) => isHeld && reject(error));
      return reader;
    },
    writable: true,
    configurable: true,
  });
  return stream;
}

provide('stream/promises', () => need('stream').promises);

provide('stream/web', () => {
  const found = {};
  for (const name of Object.getOwnPropertyNames(globalThis)) {
    if (/^(Readable|Writable|Transform|Text(En|De)coder|Compression|Decompression|ByteLength|Count).*(Stream|Strategy|Reader|Writer|Controller|Request)/.test(name)) found[name] = globalThis[name];
  }
  return found;
});

provide('stream/consumers', () => {
  const bytes = async (stream) => {
    const { Buffer } = need('buffer');
    const parts = [];
    for await (const part of stream) parts.push(typeof part === 'string' ? Buffer.from(part) : part);
    return Buffer.concat(parts);
  };
  const text = async (stream) => new TextDecoder().decode(await bytes(stream));
  return {
    buffer: bytes,
    text,
    json: async (stream) => JSON.parse(await text(stream)),
    arrayBuffer: async (stream) => new Uint8Array(await bytes(stream)).buffer,
    blob: async (stream) => new Blob([await bytes(stream)]),
  };
});
