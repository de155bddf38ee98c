// Runs small scripts while the guest is built, against a host that is not there.
//
// Functions are compiled when they are first called, objects get their shapes, inline caches
// fill, and pages are written: all that is in the image afterwards, and does not happen in
// each run.

import { z } from './zod/index.js';

import { files, forget } from './files.js';
import { startClock } from './primordials.js';
import { keep, reset } from './run.js';
import { CALL, operate, rehearse } from './seam.js';
import { rehearse as rehearseFiles } from './wasi.js';

const tools = JSON.stringify({
  name: 'test',
  tools: [{ name: 'get_sum', attribute: 'get_sum', parameters: ['a', 'b'], description: 'Adds.' }],
});

const SCRIPTS = [
  'console.log("hello")',
  'console.log("hello", {a: 1, b: [1, 2, 3]}, 1.5, true, null); const r = await callTool("x.y", {a: 1}); return r',
  'const r = await Promise.all([callTool("x.y", {a: 1, t: "é"}), callTool("y.y")]); for (const x of r) console.log(x); return r.map((v) => ({...v})).filter(Boolean)',
  'try { await callTool("fail.y", {}) } catch (e) { console.error(e); console.log(e instanceof ToolError, e.kind, e.message) }',
  'throw new TypeError("x")',
  'await new Promise((r) => setTimeout(r, 5)); return new Map([[1, 2]]).size',
  'const {getSum, default: all} = m.modules[0]; console.log(await getSum(1, 2), await all.get_sum({a: 1, b: 2})); return [await getSum({a: 3}), "text", 1.5, null]',
  'async function f(x) { await null; return x } async function main() { const rows = []; for (let i = 0; i < 3; i++) rows.push(await f(i)); return rows } console.log(await main()); process.stdout.write("x"); setTimeout(() => console.warn("later"), 1)',
  'class A { #x; constructor(x) { this.#x = x; this.y = 1 } get x() { return this.#x } } const s = [3, 1, 2].sort((a, b) => a - b).map((x) => new A(x)).reduce((a, o) => a + o.x, 0); const {a, ...rest} = {a: 1, b: 2}; for (const [k, v] of Object.entries(rest)) console.log(`${k}: ${v}`); return `${s} ${JSON.stringify(rest)} ${"a-b".split("-").join("+").replace(/\\+/g, " ")}`',
];

const SHIFTS = { args: ['a'], shifts: [{ line: 1, column: 1, width: 15 }] };

/** A script as the host sends it, member by member: the engine finds members fast in the order that it knows. */
function message(source, imports, more) {
  return JSON.stringify({
    name: 'script.js',
    args: [],
    env: { HOME: '/home/agent', TMPDIR: '/tmp', USER: 'agent' },
    mounts: { '/home/agent': 'scratch', '/tmp': 'scratch' },
    scratch: 67108864,
    cwd: '/home/agent',
    source,
    imports,
    ...more,
  });
}

export async function warmUp() {
  let ids = 0;
  let open = [];
  const host = rehearse({
    submit(operation, at, length) {
      const id = ++ids;
      open.push([id, operation]);
      return BigInt(id);
    },
    cancel(id) {
      open = open.filter(([other]) => BigInt(other) !== id);
    },
    emit() {},
  });
  for (let round = 0; round < 4; round++) {
    for (const script of SCRIPTS) {
      const imports = script.includes('m.modules') ? [{ namespace: 'test', names: ['getSum'], star: false, default: true, line: 1, column: 1 }] : [];
      host.start(message(`(async function(m) {\n${script}\n})`, imports));
      const fails = script.includes('"fail.y"');
      for (let turn = 0; turn < 30; turn++) {
        await settled(host);
        if (open.length === 0) break;
        const now = open;
        open = [];
        host.deliver(now.map(([id, operation]) => row(id, operation, fails)));
      }
      await settled(host);
      open = [];
      reset();
    }
  }
  host.end();
}

// What runs before a script's first `await`: nothing of it may leave a microtask behind.
const BEGINNINGS = [
  'console.log("hello")',
  'console.log("hello", 1, {a: 1, b: [1, "x"]}); console.log(`a ${1}`, true, null)',
  'callTool("x.y", {a: 1, b: "text"}); callTool("y.y", {})',
  'process.stdout.write("x"); setTimeout(() => 1, 5)',
  'm.import("./tools/test"); tools.search("x")',
];

// Scripts that do not wait: from the host's message to the end, without a microtask.
const WHOLE = [
  'return $m.last=console.log("hello")',
  'return $m.last=1+1',
  'const rows = [{ a: 1, b: "x" }, { a: 2, b: "y" }];\nfor (const row of rows) console.log(row.a, row.b);\nreturn $m.last=rows.length',
  'return $m.last=`${[1, 2].map((x) => x + 1)}`',
];

// Scripts of a session, the one after the other, with what they declare.
const SESSION = [
  {
    source: 'a = Array.from({ length: 3 }, (_, i) => ({ id: i, name: `row ${i}` }));\nconsole.log("rows:", a.length);\nreturn $m.last=b(a)',
    names: [['a', 'const'], ['b', 'new']],
    functions: 'b=function(a) { return a.reduce((sum, row) => sum + row.id, 0); }',
  },
  { source: 'c = b(a) + 1;\nreturn $m.last=c', names: [['c', 'let']] },
  { source: 'return $m.last=1+1', names: [] },
];

function runSession(host) {
  for (let i = 0; i < SESSION.length; i++) {
    const { source, names, functions } = SESSION[i];
    const program = (text) => `(function($m){"use strict";\n${text}\n})`;
    const declares = functions === undefined ? { names } : { names, functions: program(functions) };
    host.start(message(program(source), [], { ...SHIFTS, declares, session: true }));
    host.turn();
  }
  reset();
}

/** What tool files begin with: a hundred small functions of zod, most of them once. */
function schemas() {
  const schema = z.object({
    a: z.string().min(1).describe('x'),
    b: z.array(z.any()).default([]),
    c: z.number().int().max(9).optional(),
    d: z.enum(['a', 'b']).nullable(),
    e: z.boolean().optional(),
  });
  z.array(z.record(z.string(), z.any()));
  schema.safeParse({ a: 'x', d: 'a' });
  schema.safeParse({ a: 1 });
}

/**
 * The same again, without microtasks. When the adapter's modules have been evaluated, the
 * engine collects its garbage and throws away what it knows of hot code; this comes after
 * it, so that each run begins with hot code: 3 times fewer instructions for small calls.
 */
export function warmAgain() {
  let ids = 0;
  const host = rehearse({ submit: () => BigInt(++ids), cancel() {}, emit() {} });
  // Before the scripts without a session: what the engine learns last it looks at first.
  for (let round = 0; round < 100; round++) runSession(host);
  for (let round = 0; round < 100; round++) schemas();
  const end = rehearseFiles();
  for (let round = 0; round < 100; round++) {
    files.writeText('/tmp/a', 'x');
    files.readText('/tmp/a');
    files.stat('a');
    forget();
  }
  end();
  for (let round = 0; round < 100; round++) {
    for (const script of BEGINNINGS) {
      const source = `(async function(m) {\n${script}\nawait new Promise(() => {})\n})`;
      host.start(round % 2 === 0 ? message(source, []) : message(source, [], SHIFTS));
      host.turn();
      operate(CALL, '{}');
      host.deliver([[ids, true, '{"a":[1,"x"]}']]);
      reset();
      keep([{ a: 1, b: 'text' }, [1, 2.5], null, true]);
      host.turn();
      reset();
      keep(undefined);
      host.turn();
      reset();
    }
  }
  for (let round = 0; round < 100; round++) {
    for (const script of WHOLE) {
      host.start(message(`(function($m){"use strict";\n${script}\n})`, [], SHIFTS));
      host.turn();
      reset();
    }
  }
  host.end();
  startClock();
}

function row(id, operation, fails) {
  if (operation === 1) return fails ? [id, false, '{"kind":"tool","message":"bad"}'] : [id, true, '{"a":[1,2,{"b":null}]}'];
  return [id, true, operation === 5 ? tools : 'null'];
}

/** As if the queue of microtasks had run empty. */
async function settled(host) {
  do {
    for (let i = 0; i < 40; i++) await null;
  } while (host.drained());
}
