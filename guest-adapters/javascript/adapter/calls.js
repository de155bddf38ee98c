// Calls of tools, by name or by the functions of a namespace.

import { CALL, operate } from './seam.js';
import { TheError, TheTypeError, defineProperty, indexOf, isArray } from './primordials.js';
import { guarded } from './promises.js';
import { encodeArguments, quoted } from './values.js';

/** A tool refused or failed. `kind` says which rule or party refused, `data` is whatever else the tool answered. */
export class ToolError extends TheError {
  constructor(message = '', kind = 'tool', data = undefined, tool = undefined) {
    super(message);
    this.kind = kind;
    this.data = data;
    this.tool = tool;
  }
}
defineProperty(ToolError.prototype, 'name', {
  __proto__: null,
  value: 'ToolError',
  writable: true,
  enumerable: false,
  configurable: true,
});

/** The payload of a call up to its arguments. */
export function head(name) {
  return `{"name":${quoted(name)},"content":true,"arguments":`;
}

/** While tools that changed are asked for: `pending`, a promise that is never rejected. */
export const news = { __proto__: null, pending: undefined };

/**
 * Calls a tool; `tool` is its full name, `start` its `head`.
 *
 * The error is made here, where an async function resumes: so its stack has the place of the call.
 */
export async function call(tool, start, argumentsText) {
  let failure;
  try {
    const answer = await operate(CALL, `${start}${argumentsText}}`);
    // A call may bring tools, which the script may use at once.
    if (news.pending !== undefined) await news.pending;
    return answer;
  } catch (told) {
    failure = told;
  }
  throw failed(failure, tool);
}

/** `now` ends the run with an error that no script can catch. */
export const stops = { __proto__: null, now: undefined };

export function failed(told, tool) {
  const error = new ToolError(`${told.message ?? ''}`, told.kind ?? 'tool', told.data, tool);
  // A replay says that the script differs from its recording.
  if (told.kind === 'diverged') stops.now(error);
  return error;
}

/** The global `callTool`: any tool by its full name, `namespace.tool`. */
export function callTool(name, ...given) {
  return guarded(called(name, given), typeof name === 'string' ? name : 'callTool');
}

/** `resolve` answers the full name of the only tool that a name without namespace means; see `ambient.js`. */
export const flat = { __proto__: null, resolve: undefined };

async function called(name, given) {
  const args = given[0];
  for (let i = 1; i < given.length; i++) {
    if (given[i] === undefined) continue;
    throw new TheTypeError('callTool takes the name of a tool and one object with its arguments');
  }
  if (typeof name !== 'string') throw new TheTypeError(`the name of a tool must be a string, not ${typeof name}`);
  if (args !== undefined && (args === null || typeof args !== 'object' || isArray(args))) {
    const kind = args === null ? 'null' : isArray(args) ? 'an array' : typeof args;
    throw new TheTypeError(`the arguments of ${name} must be an object, not ${kind}`);
  }
  const text = args === undefined ? '{}' : encodeArguments(args);
  const full = indexOf(name, '.') < 0 ? await flat.resolve(name) : name;
  return await call(full, head(full), text);
}
