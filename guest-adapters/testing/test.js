// What tests of scripts use: `test` names a test, `run` carries a script out, with answers of tools that the test gives.
// See docs/testing.md. Each test is a run of its own; `main` is what `wxmcp test` calls in it.

import { ToolError, callTool } from 'wxmcp';

// Node's modules take longer to load than a test does.
const { getBuiltinModule } = process;

const HOST = 'wxmcp_test';
const LONGEST = 20000;

const tests = new Map();
// Whether all tests of the file are named.
let loaded = false;
// The file of the tests, as stacks have it.
let file;
// Runs that were begun and are not over, with the places of the test that began them: errors, whose stacks cost something
// only where they are read.
const underWay = new Map();
// The last script that raised, or was stopped, for the words on a failure.
let wentWrong;

/** A tool file of the tool tree is run itself, where this is its stub. */
export const REAL = Symbol('REAL');

/** The script did what its test does not allow: it made a call that nothing answers, or another than was recorded. */
export class Failed extends Error {
  get name() {
    return 'Failed';
  }
}

/** Names a test: a function, which may be async. */
export function test(name, body) {
  if (typeof name !== 'string' || typeof body !== 'function') throw new TypeError('test takes a name and a function');
  if (loaded) throw new Error(`the test ${JSON.stringify(name)} is inside of another one, which does not run it`);
  if (tests.has(name)) throw new Error(`two tests are called ${JSON.stringify(name)}`);
  tests.set(name, { body, place: new Error() });
}

/** Throws, with both values, unless they are the same; members of objects and arrays are compared. */
export function assertEqual(actual, expected, message) {
  if (arguments.length < 2) throw new TypeError('assertEqual takes two values');
  if (actual instanceof Promise || expected instanceof Promise) throw new TypeError('assertEqual was given a promise: await it');
  if (Object.is(actual, expected) || getBuiltinModule('node:util').isDeepStrictEqual(actual, expected)) return;
  const { AssertionError } = getBuiltinModule('node:assert');
  throw new AssertionError({ actual, expected, message, operator: 'deepStrictEqual', stackStartFn: assertEqual });
}

/**
 * Runs a script in a sandbox of its own; `script` is its path, relative to the test's file. Resolves to its report.
 *
 * `tools` are the answers by the tools' names: values, errors, or functions, which get the arguments as an object and may
 * be async; `recording` is the path of a recording whose answers are given where no stub is. The run is deterministic:
 * `seed` and `now` ("2026-01-01T00:00:00Z") say what it is given. `files` are texts by paths that the script may read and
 * write, `project` shows it the test's folder.
 */
export async function run(script, options = {}) {
  const { args, stdin, env = {}, tools = {}, recording, files = {}, project = false, seed = 0, now, timeout, ...rest } = options;
  for (const name of Object.keys(rest)) throw new TypeError(`run has no option \`${name}\``);
  const place = {};
  underWay.set(place, new Error());
  try {
    return await carriedOut(tools, {
      script: `${script}`,
      args: args?.map(String) ?? null,
      stdin: stdin ?? null,
      env: Object.fromEntries(Object.entries(env).map(([name, value]) => [name, `${value}`])),
      stubs: Object.entries(tools).map(([name, stub]) => ({ name, real: stub === REAL })),
      recording: recording ?? null,
      files,
      project,
      seed,
      now: now ?? null,
      timeout: timeout ?? null,
    });
  } finally {
    underWay.delete(place);
  }
}

async function carriedOut(tools, given) {
  const number = await asked('start', given);
  let told;
  let fails;
  // An answer that fails ends the test, whatever the script does.
  const failed = new Promise((_, reject) => (fails = reject));
  failed.catch(() => {});
  try {
    for (;;) {
      told = await Promise.race([asked('next', { run: number }), failed]);
      if (told.report !== undefined) break;
      answer(number, told, tools).catch(fails);
    }
  } finally {
    await asked('stop', { run: number });
  }
  if (told.failed) throw new Failed(told.failed);
  if (told.report.outcome !== 'returned') wentWrong = { name: given.script, report: told.report };
  return told.report;
}

async function answer(number, call, tools) {
  const reply = {};
  const stub = tools[call.stub];
  try {
    if (stub instanceof Error) throw stub;
    const value = await (typeof stub === 'function' ? stub(call.arguments) : stub);
    reply.value = value ?? null;
  } catch (error) {
    if (isAssertion(error)) throw error;
    const kind = error instanceof ToolError && error.kind !== 'tool' ? error.kind : 'tool-failed';
    reply.error = { kind, message: `${error?.message ?? error}`, data: error?.data ?? null };
  }
  try {
    await callTool(`${HOST}.answer`, { run: number, call: call.call, ...reply });
  } catch (error) {
    throw new Failed(`the stub of \`${call.stub}\`: ${error.message}`);
  }
}

async function asked(tool, given) {
  try {
    return await callTool(`${HOST}.${tool}`, given);
  } catch (error) {
    throw error instanceof ToolError ? new Failed(error.message) : error;
  }
}

/** The tests of a file; with a name, how that one went. */
export async function main(path, name) {
  file = path;
  await import(path);
  loaded = true;
  if (name === undefined) return { tests: { names: [...tests].map(([name, { place }]) => ({ name, line: lineOf(place.stack) })) } };
  try {
    const result = await tests.get(name).body();
    // A generator has not run.
    if (result !== undefined) throw new TypeError(`a test returns nothing, and this one returned ${kindOf(result)}`);
    for (const place of underWay.values()) {
      return { failed: { type: 'Failed', message: 'this `run` was not awaited', line: lineOf(place.stack) } };
    }
  } catch (error) {
    return { failed: failure(error) };
  }
  return { passed: {} };
}

function kindOf(value) {
  return typeof value === 'object' ? Object.prototype.toString.call(value).slice(8, -1) : typeof value;
}

function lineOf(stack) {
  const at = `${stack}`.split('\n').find((line) => line.includes(`${file}:`));
  const found = at?.slice(at.indexOf(`${file}:`) + file.length + 1).match(/^\d+/);
  return found ? Number(found[0]) : null;
}

// The code of errors of `node:assert`.
const ASSERTION = 'ERR_ASSERTION';

function isAssertion(error) {
  return error?.code === ASSERTION || error instanceof Failed;
}

function failure(error) {
  const stack = `${error?.stack ?? error}`;
  const told = { type: error?.name ?? typeof error, message: `${error?.message ?? error}`.slice(0, LONGEST), line: lineOf(stack) };
  if (!isAssertion(error)) told.traceback = stack.slice(0, LONGEST);
  if (error?.code === ASSERTION) {
    if (error.generatedMessage) told.message = '';
    if (error.operator !== 'fail') {
      Object.assign(told, both(error.actual, error.expected), { operator: error.operator });
    }
  }
  if (wentWrong !== undefined) {
    const { name, report } = wentWrong;
    told.script = { name, outcome: report.outcome, words: words(report).slice(-LONGEST) };
  }
  return told;
}

function words({ outcome, exit_code, error }) {
  if (outcome === 'exited') return `exit code ${exit_code}`;
  return error?.traceback ?? error?.message ?? '';
}

function both(left, right) {
  const isText = typeof left === 'string' && typeof right === 'string' && `${left}${right}`.includes('\n');
  if (isText) return { left: left.slice(0, LONGEST), right: right.slice(0, LONGEST) };
  const { inspect } = getBuiltinModule('node:util');
  const options = { depth: null, sorted: true, breakLength: Infinity, maxArrayLength: 1000, maxStringLength: LONGEST };
  let shown = [left, right].map((value) => inspect(value, { ...options, compact: true }));
  if (shown.some((text) => text.length > 60)) {
    // A member a line, so that lines of both sides are the same where the values are.
    shown = [left, right].map((value) => inspect(value, { ...options, compact: false }));
  }
  return { left: shown[0].slice(0, LONGEST), right: shown[1].slice(0, LONGEST) };
}
