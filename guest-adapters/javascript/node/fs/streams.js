// `fs.createReadStream` and `fs.createWriteStream`.

import { process } from '../../process.js';
import { asBuffer } from '../buffer.js';
import { wrongType, outOfRange } from '../errors.js';
import { need } from '../registry.js';
import { close, flagsOf, modeOf, open, optionsOf, pathText, readSome, writeSome } from './core.js';

const { Math, Object } = globalThis;

export function streams() {
  const { Readable, Writable } = need('stream');

  /** Opens the file when the stream is made; what that tells comes later. */
  function opens(stream, path, flags, mode) {
    try {
      stream.fd = open(path, flagsOf(flags), modeOf(mode, 0o666));
    } catch (error) {
      return error;
    }
    process.nextTick(() => {
      stream.emit('open', stream.fd);
      stream.emit('ready');
    });
    return undefined;
  }

  function shut(stream, error, done) {
    try {
      if (stream.autoClose && typeof stream.fd === 'number' && stream.fd > 2) close(stream.fd);
      stream.fd = null;
      done(error);
    } catch (failed) {
      done(error ?? failed);
    }
  }

  class ReadStream extends Readable {
    constructor(path, options) {
      const { encoding, start, end = Infinity, highWaterMark = 65536, fd, flags = 'r', mode, autoClose = true, emitClose = true, signal } = optionsOf(options, {});
      super({ highWaterMark, emitClose, signal, autoDestroy: autoClose });
      for (const [name, value] of Object.entries({ start, end })) {
        if (value === undefined || value === Infinity) continue;
        if (typeof value !== 'number') throw wrongType(name, 'of type number', value);
        if (!(value >= 0)) throw outOfRange(name, '>= 0 && <= 9007199254740991', value);
      }
      if (start !== undefined && start > end) throw outOfRange('start', `<= "end" (here: ${end})`, start);
      this.bytesRead = 0;
      this.path = fd === undefined ? path : undefined;
      this.flags = flags;
      this.autoClose = autoClose;
      this.start = start;
      this.end = end;
      this.pos = start;
      if (encoding) this.setEncoding(encoding);
      if (fd !== undefined && fd !== null) this.fd = typeof fd === 'object' ? fd.fd : fd;
      else {
        this.fd = null;
        const failed = opens(this, pathText(path), flags, mode);
        if (failed !== undefined) this.destroy(failed);
      }
    }
    get pending() {
      return this.fd === null;
    }
    _read(size) {
      const left = this.pos === undefined ? this.end - this.bytesRead + 1 : this.end - this.pos + 1;
      const wanted = Math.min(left, size);
      if (wanted <= 0) {
        this.push(null);
        return;
      }
      let bytes;
      try {
        bytes = readSome(this.fd, wanted, this.pos);
      } catch (error) {
        this.destroy(error);
        return;
      }
      this.bytesRead += bytes.length;
      if (this.pos !== undefined) this.pos += bytes.length;
      this.push(bytes.length === 0 ? null : asBuffer(bytes));
    }
    _destroy(error, done) {
      shut(this, error, done);
    }
    close(callback) {
      if (callback !== undefined) this.once('close', callback);
      this.destroy();
    }
  }

  class WriteStream extends Writable {
    constructor(path, options) {
      const { encoding, start, highWaterMark, fd, flags, mode, autoClose = true, emitClose = true, signal } = optionsOf(options, {});
      super({ highWaterMark, emitClose, signal, autoDestroy: autoClose, decodeStrings: true });
      this.bytesWritten = 0;
      this.path = fd === undefined ? path : undefined;
      this.flags = flags ?? (start === undefined ? 'w' : 'r+');
      this.autoClose = autoClose;
      this.start = start;
      this.pos = start;
      if (encoding) this.setDefaultEncoding(encoding);
      if (fd !== undefined && fd !== null) this.fd = typeof fd === 'object' ? fd.fd : fd;
      else {
        this.fd = null;
        const failed = opens(this, pathText(path), this.flags, mode);
        if (failed !== undefined) this.destroy(failed);
      }
    }
    get pending() {
      return this.fd === null;
    }
    _write(chunk, encoding, done) {
      try {
        writeSome(this.fd, chunk, this.pos);
      } catch (error) {
        done(error);
        return;
      }
      this.bytesWritten += chunk.length;
      if (this.pos !== undefined) this.pos += chunk.length;
      done();
    }
    _destroy(error, done) {
      shut(this, error, done);
    }
    close(callback) {
      if (callback !== undefined) {
        if (this.closed) process.nextTick(callback);
        else this.once('close', callback);
      }
      if (!this.destroyed) this.end();
    }
  }
  WriteStream.prototype.destroySoon = WriteStream.prototype.end;
  return { ReadStream, WriteStream };
}
