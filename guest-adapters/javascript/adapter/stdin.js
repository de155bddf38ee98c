// The global `stdin`: standard input of the run, read when it is asked for.
//
// A read waits in the host, and the whole script with it: timers and calls go on meanwhile,
// but what waits for them does not.

import { readStdin } from './wasi.js';
import { freeze, indexOf, push, slice } from './primordials.js';

const decoder = new TextDecoder();
const decode = decoder.decode.bind(decoder);

/** What was decoded and not yet handed out. */
let text = '';
let ended = false;

function more() {
  const bytes = readStdin();
  if (bytes === undefined) {
    ended = true;
    text += decode();
  } else {
    text += decode(bytes, { __proto__: null, stream: true });
  }
}

/** The next line without its end, or undefined. */
function line() {
  for (;;) {
    const end = indexOf(text, '\n');
    if (end >= 0) {
      const found = slice(text, 0, text[end - 1] === '\r' ? end - 1 : end);
      text = slice(text, end + 1);
      return found;
    }
    if (ended) {
      const rest = text === '' ? undefined : text;
      text = '';
      return rest;
    }
    more();
  }
}

class Lines {
  async next() {
    const value = line();
    return { value, done: value === undefined };
  }
  async return() {
    return { value: undefined, done: true };
  }
  [Symbol.asyncIterator]() {
    return this;
  }
  /** `await stdin.lines()` gives all lines; `for await` gives them one by one. */
  then(resolve, reject) {
    const found = [];
    try {
      for (let next = line(); next !== undefined; next = line()) push(found, next);
    } catch (error) {
      reject(error);
      return;
    }
    resolve(found);
  }
}

export const stdin = freeze({
  __proto__: null,
  /** All that is left of it. */
  async text() {
    while (!ended) more();
    const rest = text;
    text = '';
    return rest;
  },
  lines() {
    return new Lines();
  },
  [Symbol.asyncIterator]() {
    return new Lines();
  },
  [Symbol.toStringTag]: 'stdin',
});
