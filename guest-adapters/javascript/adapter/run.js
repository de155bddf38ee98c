// One run: from the host's message to exactly one outcome.
//
// A script that has returned may leave calls and timers behind; the run goes on until
// they have ended, and what fails until then is its outcome. So a value is held back while
// anything is under way.

import { begins, described, sourcePlace } from './errors.js';
import { mayHoldBigInts, read } from './json.js';
import { encode, quoted } from './values.js';
import { TheError, evaluate, setClear, setForEach, setSize, slice, startsWith } from './primordials.js';
import { exitCode, prepare } from './process.js';
import * as seam from './seam.js';
import * as timers from './timers.js';
import * as toolfile from './toolfile.js';
import { dynamicImport, forget, imported } from './tooltree.js';

let name = '';
/** What is wanted of a tool file; scripts have none. */
let task;
/** Whether the task may hold BigInts. */
let hasBigInts = false;
/** JSON of the script's value, once it has one. */
let value;
/** Whether the outcome was told. */
let over = false;

export function start(message) {
  // An instance may run a file again and again.
  if (over) renew();
  timers.begin();
  try {
    const script = read(message);
    name = script.name;
    begins(name, script.map);
    prepare(script);
    task = script.task;
    hasBigInts = mayHoldBigInts(message);
    if (script.source === undefined) {
      settle(again, undefined);
      return;
    }
    let body;
    try {
      body = evaluate(`${script.source}\n//# sourceURL=${script.name}`);
    } catch (error) {
      // The source makes a function, and runs nothing: what the engine says is of the source.
      const { line, column } = sourcePlace(error);
      failAt(error, line, column);
      return;
    }
    const m = {
      __proto__: null,
      modules: undefined,
      import: dynamicImport,
      meta: { __proto__: null, url: startsWith(script.name, '/') ? `file://${script.name}` : `file:///${script.name}` },
    };
    if (script.imports?.length > 0) withImports(body, m, script.imports);
    else settle(body, m);
  } catch (error) {
    fail(error);
  }
}

async function withImports(body, m, imports) {
  try {
    const { modules, failure } = await imported(imports, task?.describe !== undefined);
    if (failure !== undefined) {
      failAt(failure.error, failure.import.line, failure.import.column);
      return;
    }
    m.modules = modules;
  } catch (error) {
    fail(error);
    return;
  }
  settle(body, m);
}

/** The body of a file that was read already. */
function again() {}

/** Runs the body, and keeps what it answers. */
async function settle(body, m) {
  try {
    let answer = await body(m);
    if (task !== undefined) {
      if (body !== again) toolfile.load(answer);
      answer = await toolfile.perform(task, hasBigInts);
    } else if (typeof answer === 'function') {
      answer = await answer();
    }
    keep(answer);
  } catch (error) {
    fail(error);
  }
}

/** The script has its value. */
export function keep(answer) {
  timers.scriptEnded();
  value = answer === undefined ? 'null' : encode(answer);
}

export function complete(id, ok, payload) {
  try {
    seam.complete(id, ok, payload);
  } catch (error) {
    fail(error);
  }
}

/** The host has nothing under way for us, and no outcome yet. */
export function nothing() {
  stuck = true;
}
let stuck = false;

/**
 * Called when no microtask is left. Answers whether it wants to be called again, since
 * it has run something.
 */
export function drained() {
  if (over) return false;
  if (setSize(seam.unhandled) !== 0) {
    let first;
    setForEach(seam.unhandled, (promise) => {
      first ??= promise;
    });
    setClear(seam.unhandled);
    reject(first);
    return true;
  }
  try {
    if (timers.runDue()) return true;
  } catch (error) {
    fail(error);
    return false;
  }
  if (seam.isWaiting()) return false;
  if (value !== undefined) returned();
  else if (stuck) fail(new TheError(STUCK));
  return false;
}

const STUCK = 'the script waits for a promise that nothing can settle any more: no call and no timer is under way';

/** A promise was rejected, and nothing handles it. */
async function reject(promise) {
  try {
    await promise;
  } catch (error) {
    fail(error);
  }
}

function returned() {
  over = true;
  const code = exitCode();
  if (code === 0) seam.tell(seam.VALUE, value);
  else seam.tell(seam.EXIT, `{"code":${code}}`);
}

/** An error that nothing caught ends the run. */
export function fail(error) {
  if (over) return;
  over = true;
  let told;
  try {
    told = described(error);
  } catch {
    told = { __proto__: null, type: 'Error', message: 'an error that cannot be shown', traceback: 'Error\n', line: null };
  }
  end(told);
}

/** An error that belongs to a line where nothing was raised. */
function failAt(error, line, column) {
  if (over) return;
  over = true;
  const told = described(error);
  told.line = line;
  told.traceback = `${told.type}: ${told.message}\n    at ${name}:${line}:${column}\n`;
  end(told);
}

function end({ type, message, traceback, line }) {
  const place = line === null ? 'null' : `${line}`;
  const payload = `{"type":${quoted(cut(type))},"message":${quoted(cut(message))},"traceback":${quoted(cut(traceback))},"line":${place}}`;
  seam.tell(seam.RAISED, payload);
  seam.close();
  timers.stop();
}

const KEPT = 100000;

/** A text short enough for one message: its beginning and its end. */
function cut(text) {
  if (text.length <= KEPT) return text;
  return `${slice(text, 0, KEPT / 2)}\n[${text.length - KEPT} characters left out]\n${slice(text, -KEPT / 2)}`;
}

/** As if nothing had run, save what the script left in memory. */
function renew() {
  value = undefined;
  over = false;
  stuck = false;
  seam.reopen();
  timers.stop();
}

/** For the warm-up: as if nothing had run. */
export function reset() {
  renew();
  forget();
}
