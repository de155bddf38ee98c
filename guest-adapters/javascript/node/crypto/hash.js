// `Hash` and `Hmac`, which are streams where they are used as such.

import { asBuffer, bytesFrom, decoded } from '../buffer.js';
import { plainError, typeError, wrongType } from '../errors.js';
import { lateStream } from '../late_stream.js';
import { packaged } from '../registry.js';
import { hashOf } from './algorithms.js';

const { Object } = globalThis;

const { prototype, begin } = lateStream('Transform', (digest) => ({
  transform(chunk, encoding, done) {
    digest.update(chunk, encoding);
    done();
  },
  flush(done) {
    // `digest()` may still be asked for.
    this.push(asBuffer(copiedState.call(digest).digest()));
    done();
  },
}));

class Digest {
  #state;
  #isDone = false;
  constructor(state) {
    this.#state = state;
    begin(this);
  }
  update(data, encoding) {
    if (this.#isDone) throw plainError('ERR_CRYPTO_HASH_FINALIZED', 'Digest already called');
    this.#state.update(bytesFrom(data, encoding === 'buffer' ? undefined : encoding, 'data'));
    return this;
  }
  digest(encoding) {
    if (this.#isDone) throw plainError('ERR_CRYPTO_HASH_FINALIZED', 'Digest already called');
    this.#isDone = true;
    const bytes = this.#state.digest();
    return encoding === undefined || encoding === null || encoding === 'buffer' ? asBuffer(bytes) : decoded(bytes, encoding);
  }
  copied() {
    if (this.#isDone) throw plainError('ERR_CRYPTO_HASH_FINALIZED', 'Digest already called');
    return this.#state.clone();
  }
}
Object.setPrototypeOf(Digest.prototype, prototype);
const copiedState = Digest.prototype.copied;
delete Digest.prototype.copied;

export class Hash extends Digest {
  constructor(algorithm) {
    if (typeof algorithm === 'object' && algorithm?.copyOf !== undefined) {
      super(algorithm.copyOf);
      return;
    }
    if (typeof algorithm !== 'string') throw wrongType('algorithm', 'of type string', algorithm);
    const hash = hashOf(algorithm);
    if (hash === undefined) {
      throw plainError('ERR_CRYPTO_INVALID_DIGEST', 'Digest method not supported');
    }
    super(hash.create());
  }
  copy() {
    return new Hash({ copyOf: copiedState.call(this) });
  }
}

export class Hmac extends Digest {
  constructor(algorithm, key) {
    if (typeof algorithm !== 'string') throw wrongType('hmac', 'of type string', algorithm);
    const hash = hashOf(algorithm);
    if (hash === undefined) throw typeError('ERR_CRYPTO_INVALID_DIGEST', `Invalid digest: ${algorithm}`);
    if (key === undefined || key === null) {
      throw wrongType('key', 'of type string or an instance of ArrayBuffer, Buffer, TypedArray, DataView, KeyObject, or CryptoKey', key);
    }
    super(packaged('hashes/hmac').hmac.create(hash, bytesFrom(key, 'utf8', 'key')));
  }
}
