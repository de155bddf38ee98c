// `stream`: the package `readable-stream`, which is Node's own.

import { streamIsHere } from './late_stream.js';
import { need, packaged, provide } from './registry.js';

const { Blob, JSON, Object, Promise, ReadableStream, TextDecoder, Uint8Array } = globalThis;

provide('stream', () => {
  const stream = packaged('stream');
  const { Readable, Writable } = stream;
  stream.Stream = stream;
  Readable.fromWeb = (web, options) => Readable.from(web, { objectMode: false, ...options });
  Readable.toWeb = (readable) => ReadableStream.from(readable);
  Writable.toWeb = (writable) =>
    new globalThis.WritableStream({
      write: (chunk) => new Promise((resolve, reject) => writable.write(chunk, (error) => (error ? reject(error) : resolve()))),
      close: () => new Promise((resolve) => writable.end(resolve)),
      abort: (reason) => void writable.destroy(reason),
    });
  streamIsHere();
  return stream;
});

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
