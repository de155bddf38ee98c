// The host of `wit/guest.wit` inside a component: what the adapter asks for is done with its
// imports. It is evaluated before the adapter, which takes what is left in `$wxmcp`.
//
// Calls of tools are calls of imported functions, one after the other: an operation has ended
// when `submit` returns, and is delivered in the next turn. Timers wait in `main`, for the
// engine's own. `data.js`, which `wxmcp build` writes, has the script, the listings of its
// namespaces and their types.

import { getEnvironment } from 'wasi:cli/environment@0.2.10';
import { exit } from 'wasi:cli/exit@0.2.10';
import { getStderr } from 'wasi:cli/stderr@0.2.10';
import { getStdout } from 'wasi:cli/stdout@0.2.10';

import { Interface, Misfit, camel, hasManyDigits, read, write } from './convert.js';
import { modules, text } from './data.js';
import { isNear, listed } from './names.js';

const { parse, stringify } = JSON;
const { now } = performance;
const clock = now.bind(performance);
const later = setTimeout;
const encoder = new TextEncoder();
const encode = encoder.encode.bind(encoder);

const TIMER = 6;
const SEARCH = 'a component that was built has no search of tools';
const ARTIFACTS = 'a component that was built has nobody to hand images and texts to; print, or return them';
const CAPABILITIES = { __proto__: null, 7: 'statements', 8: 'requests', 9: 'files of directories' };

/** Most names in one message. */
const NAMED = 20;

/** Most bytes of one write: what `blocking-write-and-flush` of WASI takes. */
const PIECE = 4096;

/** What `wit/guest.wit` answers as an error. */
class Refused {
  constructor(kind, message, data) {
    this.told = data === undefined ? { kind, message } : { kind, message, data };
  }
}

const built = read(text);
const namespaces = new Map(built.namespaces.map((space) => [space.listing.name, space]));
const tools = new Map();
built.namespaces.forEach((space, i) => add(space, modules[i]));

function add({ listing, layout }, module) {
  const types = new Interface(layout);
  const attributes = new Map(listing.tools.map(({ name, attribute }) => [name, attribute]));
  for (const one of layout.functions) {
    const tool = { name: `${listing.name}.${one.name}`, layout: one, types, call: module[camel(one.label)] };
    tools.set(tool.name, tool);
    const spelled = `${listing.name}.${attributes.get(one.name)}`;
    if (!tools.has(spelled)) tools.set(spelled, tool);
  }
}

let ids = 0;
/** [id, whether it succeeded, JSON] of what has ended and was not delivered. */
let ended = [];
/** By id, when a timer is due. */
const timers = new Map();
/** How the script ended: {ok} or {failed}. */
let outcome;

function submit(operation, payload) {
  const id = ++ids;
  if (operation === TIMER) timers.set(id, clock() + parse(payload).us / 1000);
  else ended.push([id, ...done(operation, payload)]);
  return id;
}

function cancel(id) {
  timers.delete(id);
  ended = ended.filter(([other]) => other !== id);
}

function done(operation, payload) {
  try {
    return [true, sent(answer(operation, read(payload)))];
  } catch (error) {
    if (error instanceof Refused) return [false, sent(error.told)];
    throw error;
  }
}

/** JSON for the adapter: a space in front says that it may hold integers beyond 2^53 - 1. */
function sent(value) {
  const text = write(value);
  return hasManyDigits(text) ? ` ${text}` : text;
}

function answer(operation, given) {
  switch (operation) {
    case 1:
      return call(found(given.name), given.arguments);
    case 2:
      throw new Refused('invalid-call', SEARCH);
    case 3:
      return given.names.map(described);
    case 4:
      return [...namespaces.keys()].sort();
    case 5:
      return (namespaces.get(given.name) ?? unknown('namespace', given.name)).listing;
    default: {
      const what = CAPABILITIES[operation] ?? 'such operation';
      throw new Refused('not-granted', `a component that was built has no ${what} of its own; call a tool for it`);
    }
  }
}

/** The tool of a name; its namespace may be spelled with another case, `-` or `_`. */
function found(name) {
  const end = name.indexOf('.');
  const space = name.slice(0, end);
  const alike = [...namespaces.keys()].filter((known) => folded(known) === folded(space));
  const other = alike.length === 1 ? tools.get(`${alike[0]}${name.slice(end)}`) : undefined;
  return tools.get(name) ?? other ?? unknown('tool', name);
}

function folded(name) {
  return name.replace(/[-_/:]/g, '').toLowerCase();
}

/** Refuses names that are no parameters in the words of the host, with the nearest. */
function refuseUnknown(name, record, given) {
  if (record === null || record.others !== null) return;
  const known = record.members.map((member) => member.name);
  for (const one of Object.keys(given)) {
    if (known.includes(one)) continue;
    if (known.length === 0) {
      throw new Refused('invalid-arguments', `\`${name}\` takes no arguments, and so no \`${one}\``);
    }
    const near = known.find((other) => isNear(one, other));
    const instead = near === undefined ? `; it has ${listed(known)}` : `; did you mean \`${near}\`?`;
    throw new Refused('invalid-arguments', `\`${name}\` has no parameter \`${one}\`${instead}`);
  }
}

function call({ name, layout, types, call: imported }, given) {
  refuseUnknown(name, layout.arguments, given);
  const parameters = fitting(() => types.parameters(layout.arguments, given), (why) => {
    return new Refused('invalid-arguments', `the arguments of \`${name}\` do not fit: ${why}`);
  });
  let answered;
  try {
    answered = imported(...parameters);
  } catch (error) {
    const { kind, message, data } = error.payload ?? {};
    if (typeof kind !== 'string') throw error;
    throw new Refused(kind, message, data === undefined ? undefined : read(data));
  }
  return fitting(() => types.plain(layout.answer, answered), (why) => {
    return new Refused('invalid-answer', `\`${name}\` answered what is not of its type: ${why}`);
  });
}

function fitting(convert, refused) {
  try {
    return convert();
  } catch (error) {
    throw error instanceof Misfit ? refused(error) : error;
  }
}

/** The only tool that a name without namespace means: joined with its namespace, or alone. */
function fullName(name) {
  const wanted = folded(name);
  const joined = [];
  const alone = [];
  for (const [space, { listing }] of namespaces) {
    for (const { attribute } of listing.tools) {
      const full = `${space}.${attribute}`;
      const both = folded(full.replace('.', ''));
      if (wanted === both || wanted === `mcp${both}`) joined.push(full);
      else if (folded(attribute) === wanted) alone.push(full);
    }
  }
  const found = joined.length > 0 ? joined : alone;
  if (found.length > 1) {
    const some = found.slice(0, NAMED);
    const names = some.map((full) => `\`${full}\``).join(', ');
    throw new Refused('unknown-tool', `\`${name}\` is a tool of several namespaces: ${names}`, { several: some });
  }
  return found[0] ?? unknown('tool', name);
}

function described(asked) {
  const name = asked.includes('.') ? asked : fullName(asked);
  for (const { listing, described: all } of namespaces.values()) {
    const found = all.find(({ own, told }) => name === `${listing.name}.${own}` || name === told.name);
    if (found !== undefined) return found.told;
  }
  return unknown('tool', name);
}

function unknown(what, name) {
  let known = [...namespaces.keys()];
  if (what === 'tool') {
    known = [...namespaces.values()].flatMap(({ listing }) => {
      return listing.tools.map(({ attribute }) => `${listing.name}.${attribute}`);
    });
  }
  const some = known.sort().slice(0, NAMED).map((one) => `\`${one}\``);
  if (known.length > NAMED) some.push(`${known.length - NAMED} more`);
  const told = `there is no ${what} \`${name}\` in this component, which was built with ${some.join(', ') || 'none'}`;
  throw new Refused('unknown-tool', `${told}; where there is one, \`wxmcp build --with ${name}\` adds it`);
}

let streams;

function emitText(kind, part) {
  streams ??= [getStdout(), getStderr()];
  const bytes = encode(part);
  const stream = streams[kind - 1];
  for (let from = 0; from < bytes.length; from += PIECE) {
    stream.blockingWriteAndFlush(bytes.subarray(from, from + PIECE));
  }
}

function emit(kind, payload) {
  if (kind <= 2) emitText(kind, payload);
  else if (kind === 3) outcome = { ok: payload };
  else if (kind === 4) outcome = { failed: parse(payload) };
  else if (kind === 5) emitText(2, `${parse(payload).message ?? ''}\n`);
  else if (kind === 6) throw new Error(ARTIFACTS);
  else if (kind === 7) exit({ tag: parse(payload).code === 0 ? 'ok' : 'err' });
}

const adapter = { start: null, deliver: null, complete: null, nothing: null, drained: null, warmAgain: null };
globalThis.$wxmcp = { adapter, submit, cancel, emit, emitText, unhandled: new Set() };

/** Runs the script; answers JSON of its value, or throws what went wrong. */
export async function run(args) {
  outcome = undefined;
  await turn(0);
  const env = Object.fromEntries(getEnvironment());
  const message = stringify({ ...built.script, args, env });
  // In a task of its own: so no frame of ours is below the script's.
  await new Promise((resolve) => {
    later(() => {
      adapter.start(message);
      resolve();
    }, 0);
  });
  while (outcome === undefined) await step();
  if (outcome.ok !== undefined) return outcome.ok;
  const { type, message: why, traceback } = outcome.failed;
  emitText(2, traceback);
  throw why === '' ? type : `${type}: ${why}`;
}

/** Runs what can run; then delivers what has ended, or waits for the next timer. */
async function step() {
  do await turn(0);
  while (adapter.drained());
  if (outcome !== undefined) return;
  if (ended.length === 0 && timers.size === 0) {
    adapter.nothing();
    return;
  }
  if (ended.length === 0) await nextTimer();
  const now = ended;
  ended = [];
  adapter.deliver();
  for (const [id, ok, payload] of now) adapter.complete(id, ok, payload);
}

async function nextTimer() {
  const earliest = Math.min(...timers.values());
  const left = earliest - clock();
  if (left > 0) await turn(Math.ceil(left));
  for (const [id, due] of timers) {
    if (due > earliest) continue;
    timers.delete(id);
    ended.push([id, true, 'null']);
  }
}

/** Waits, in milliseconds: until nothing else can run, at least. */
function turn(milliseconds) {
  return new Promise((resolve) => later(resolve, milliseconds));
}
