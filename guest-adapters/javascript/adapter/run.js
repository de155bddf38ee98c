// One run: from the host's message to exactly one outcome.
//
// A script that has returned may leave calls and timers behind; the run goes on until
// they have ended, and what fails until then is its outcome. So a value is held back while
// anything is under way.

import * as ambient from './ambient.js';
import { stops } from './calls.js';
import { keep as keepContent } from './content.js';
import { begins, described, sourcePlace, where } from './errors.js';
import * as files from './files.js';
import { hint } from './hints.js';
import { mayHoldBigInts, read } from './json.js';
import { encodeAwaited, quoted } from './values.js';
import {
  TheError,
  add,
  apply,
  defineProperty,
  evaluate,
  freeze,
  functionText,
  hasOwn,
  indexOf,
  plainArray,
  push,
  setClear,
  setForEach,
  setPrototypeOf,
  setSize,
  slice,
} from './primordials.js';
import * as place from './place.js';
import { exitCode, listeners, prepare } from './process.js';
import * as seam from './seam.js';
import * as session from './session.js';
import * as timers from './timers.js';
import * as toolfile from './toolfile.js';
import * as modules from './modules.js';
import * as records from './records.js';
import { members } from './require.js';
import { dynamicImport, forget, imported, loadFilesBy, refresh } from './tooltree.js';
import * as zone from './zone.js';

const globals = globalThis;
const { Symbol } = globals;

let name = '';
/** What the engine was given, and what the script imports: for hints. */
let text;
let modulesOfScript;
/** What is wanted of a tool file; scripts have none. */
let task;
/** Whether the task may hold BigInts. */
let hasBigInts = false;
/** What the script returned, once it has. */
let answer;
let hasAnswer = false;
/** The same for `_` of a session. */
let remembered;
/** JSON of it, written when nothing is under way any more. */
let value;
/** What is said of a script that ends without a value. */
let note;
/** Whether the outcome was told. */
let over = false;
/** Whether the script is one of a session. */
let isInSession = false;

export function start(message) {
  // An instance may run a file again and again.
  if (over) renew();
  timers.begin();
  try {
    // A script of a session may have put anything on the prototype of objects.
    const script = setPrototypeOf(read(message), null);
    name = script.name;
    isInSession = script.session === true;
    begins(name, script.map, script.shifts, script.shared, isInSession);
    prepare(script);
    place.begin(script);
    files.begin(script);
    if (isInSession) {
      refresh();
      ambient.refresh();
    }
    zone.begin(script.env?.TZ, script.zone);
    task = script.task;
    text = script.source ?? text;
    note = script.note;
    hasBigInts = mayHoldBigInts(message);
    if (script.source === undefined) {
      settle(again, undefined);
      return;
    }
    let body;
    let functions;
    try {
      const url = where(undefined, true);
      body = evaluate(`${script.source}\n//# sourceURL=${url}`);
      if (isInSession && hasOwn(script.declares, 'functions')) {
        functions = evaluate(`${script.declares.functions}\n//# sourceURL=${url}`);
      }
    } catch (error) {
      // The source makes a function, and runs nothing: what the engine says is of the source.
      const { line, column } = sourcePlace(error);
      failAt(error, line, column);
      return;
    }
    const m = {
      __proto__: members,
      modules: undefined,
      // What the last expression was, and what is exported, if either is the script's value.
      last: undefined,
      default: undefined,
      import: task === undefined ? importedLater : dynamicImport,
    };
    records.begin(script, m);
    if (isInSession) {
      m.bind = session.bind;
      body = continuing(body, functions, script.declares.names);
    }
    if (script.common) body = common(body);
    if (script.ambient !== undefined) withNames(body, m, script);
    else enter(body, m, script);
  } catch (error) {
    fail(error);
  }
}

/** The body of a script of a session, with what it declares. */
function continuing(body, functions, names) {
  return (m) => {
    session.declare(names);
    functions?.(m);
    return body(m);
  };
}

/** A script with names that it declares nowhere, which may be those of tools. */
async function withNames(body, m, script) {
  try {
    await ambient.bind(script.ambient);
  } catch (error) {
    fail(error);
    return;
  }
  enter(body, m, script);
}

/** What the script imports comes first. */
function enter(body, m, { links, imports, shared }) {
  if (links !== undefined) withFiles(body, m);
  else if (imports?.length > 0) withImports(body, m, imports, shared ?? []);
  else settle(body, m);
}

async function withImports(body, m, imports, shared) {
  try {
    const loaded = await sharedModules(shared);
    if (loaded === undefined) return;
    const { modules, failure } = await imported(imports, task?.describe !== undefined, loaded);
    if (failure !== undefined) {
      failAt(failure.error, failure.import.line, failure.import.column);
      return;
    }
    m.modules = modules;
    if (isInSession && modulesOfScript !== undefined) for (let i = 0; i < modules.length; i++) noteModule(modules[i]);
    else modulesOfScript = modules;
  } catch (error) {
    fail(error);
    return;
  }
  settle(body, m);
}

/** The body of a script of CommonJS, whose `this` is what it exports. */
function common(body) {
  return (m) => apply(body, m.exports, [m]);
}

/** A script that imports modules of files. */
async function withFiles(body, m) {
  let rest;
  try {
    rest = await modules.loadScript(body);
    modulesOfScript = m.modules;
  } catch (error) {
    fail(error);
    return;
  }
  settle(rest, m);
}

loadFilesBy((specifier) => modules.imported(specifier, records.mainRecord()));

/** `import()` at run time, whose modules count for hints too. */
async function importedLater(specifier) {
  const module = await modules.imported(specifier, records.mainRecord());
  noteModule(module);
  return module;
}

function noteModule(module) {
  const known = plainArray();
  for (let i = 0; modulesOfScript !== undefined && i < modulesOfScript.length; i++) {
    if (modulesOfScript[i] === module) return;
    add(known, modulesOfScript[i]);
  }
  add(known, module);
  modulesOfScript = known;
}

/** Evaluates the files that a tool file shares with others, each after those that it imports. */
async function sharedModules(shared) {
  const loaded = [];
  for (let i = 0; i < shared.length; i++) {
    const file = shared[i];
    let body;
    try {
      body = evaluate(`${file.source}\n//# sourceURL=${file.name}`);
    } catch (error) {
      const { line, column } = sourcePlace(error, file.name);
      failAt(error, line, column, file.name);
      return undefined;
    }
    const m = {
      __proto__: null,
      modules: undefined,
      import: dynamicImport,
      meta: { __proto__: null, url: `file:///${file.name}` },
    };
    const { modules, failure } = await imported(file.imports, task?.describe !== undefined, loaded);
    if (failure !== undefined) {
      failAt(failure.error, failure.import.line, failure.import.column, file.name);
      return undefined;
    }
    m.modules = modules;
    try {
      push(loaded, asModule(await body(m)));
    } catch (error) {
      fail(error, file.name);
      return undefined;
    }
  }
  return loaded;
}

function asModule(exports) {
  defineProperty(exports, Symbol.toStringTag, { __proto__: null, value: 'Module' });
  return freeze(exports);
}

/** The body of a file that was read already. */
function again() {}

/** Runs the body, and keeps what it answers. */
function settle(body, m) {
  let answer;
  try {
    answer = body(m);
  } catch (error) {
    if (fail(error)) keep(undefined);
    return;
  }
  // Most scripts that do not wait end here: a promise, with the stack that is noted for it, writes to thirty pages more.
  if (task === undefined && note === undefined && isPrimitive(answer)) keep(answer);
  else settleLater(body, m, answer);
}

function isPrimitive(answer) {
  return answer === null || (typeof answer !== 'object' && typeof answer !== 'function');
}

/** The same for what may be a promise, or a function. */
async function settleLater(body, m, given) {
  try {
    let answer = await given;
    if (task !== undefined) {
      if (body !== again) toolfile.load(answer);
      answer = await toolfile.perform(task, hasBigInts);
    } else if (typeof answer === 'function' && isClass(answer)) {
      // `export default class`, `module.exports = Class`: it is for those who import the file.
      answer = undefined;
    } else if (typeof answer === 'function' && answer !== m.last) {
      answer = await (takesApart(answer) ? answer(globals) : answer());
    }
    keep(listeners.isSource?.(answer) === true ? undefined : answer);
  } catch (error) {
    if (fail(error)) keep(undefined);
  }
}

/** Whether a function is a class: that cannot be called. */
function isClass(called) {
  const text = functionText(called);
  return slice(text, 0, 5) === 'class' && indexOf(' {\n\r\t/', text[5]) >= 0;
}

/** Whether a function's first parameter is a pattern, `async ({ tools }) => ..`: it gets the globals. */
function takesApart(called) {
  const text = functionText(called);
  let at = indexOf(text, '(') + 1;
  while (text[at] === ' ' || text[at] === '\n') at++;
  return at > 0 && text[at] === '{';
}

/** The script has returned. What it returned may be filled until all that it began has ended. */
export function keep(returned) {
  timers.scriptEnded();
  answer = returned;
  hasAnswer = true;
  if (answer === undefined && note !== undefined) seam.print(seam.STDERR, `note: ${note}\n`);
}

export function complete(id, ok, payload) {
  try {
    seam.complete(id, ok, payload, keepContent);
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
    return fail(error);
  }
  if (seam.isWaiting()) return false;
  if (value !== undefined) {
    returned();
    return !over;
  } else if (hasAnswer) {
    hasAnswer = false;
    remembered = answer;
    try {
      encodeAwaited(answer, written, fail);
    } catch (error) {
      fail(error);
    }
    if (value !== undefined) returned();
    return !over;
  } else if (stuck) {
    fail(new TheError(STUCK));
  }
  return false;
}

function written(text) {
  value = text;
}

const STUCK = 'the script waits for a promise that nothing can settle any more: no call and no timer is under way';

/** A promise was rejected, and nothing handles it. */
async function reject(promise) {
  try {
    await promise;
  } catch (error) {
    fail(error, undefined, promise);
  }
}

function returned() {
  if (listeners.exit !== undefined) {
    try {
      // What they begin runs before the script has ended.
      if (listeners.exit(true, exitCode())) return;
    } catch (error) {
      fail(error);
      return;
    }
  }
  over = true;
  if (isInSession) {
    session.settle();
    session.remember(remembered);
  }
  const code = exitCode();
  if (code === 0) seam.tell(seam.VALUE, value);
  else seam.tell(seam.EXIT, `{"code":${code}}`);
}

/**
 * An error that nothing caught ends the run; `file` is the shared file that it came from, `promise` the one that was
 * rejected with it. Answers whether a listener of `process` has dealt with it instead.
 */
export function fail(error, file, promise) {
  if (over) return false;
  try {
    if (listeners.survives?.(error, promise)) return true;
    listeners.exit?.(false, 1);
  } catch (other) {
    error = other;
  }
  if (over) return false;
  over = true;
  let told;
  try {
    told = described(error, file);
    const note = hint(told.type, told.message, text, modulesOfScript, ambient);
    if (note !== undefined) told.traceback += `note: ${note}\n`;
  } catch {
    told = { __proto__: null, type: 'Error', message: 'an error that cannot be shown', traceback: 'Error\n', line: null };
  }
  end(told);
  return false;
}

stops.now = (error) => {
  if (over) return;
  over = true;
  end(described(error));
};

/** An error that belongs to a line where nothing was raised. */
function failAt(error, line, column, file = name) {
  if (over) return;
  over = true;
  const told = described(error);
  told.line = line;
  if (file !== name) told.file = file;
  told.traceback = `${told.type}: ${told.message}\n    at ${file}:${line}:${column}\n`;
  end(told);
}

function end({ type, message, traceback, line, file }) {
  const place = `${line === null ? 'null' : line}${file === undefined ? '' : `,"file":${quoted(file)}`}`;
  const payload = `{"type":${quoted(cut(type))},"message":${quoted(cut(message))},"traceback":${quoted(cut(traceback))},"line":${place}}`;
  seam.tell(seam.RAISED, payload);
  leave();
}

function leave() {
  seam.close();
  timers.stop();
  if (isInSession) session.settle();
}

/** A script of a session ends itself; what is thrown then unwinds it, and is heard of by nobody. */
export function exits() {
  over = true;
  leave();
  return new TheError('the script has ended itself');
}

const KEPT = 100000;

/** A text short enough for one message: its beginning and its end. */
function cut(text) {
  if (text.length <= KEPT) return text;
  return `${slice(text, 0, KEPT / 2)}\n[${text.length - KEPT} characters left out]\n${slice(text, -KEPT / 2)}`;
}

/** As if nothing had run, save what the script left in memory. */
function renew() {
  value = answer = remembered = note = undefined;
  hasAnswer = over = false;
  stuck = false;
  setClear(seam.unhandled);
  seam.reopen();
  timers.stop();
}

/** For the warm-up: as if nothing had run. */
export function reset() {
  renew();
  text = undefined;
  modulesOfScript = undefined;
  forget();
  ambient.forget();
  records.forget();
  session.forget();
}
