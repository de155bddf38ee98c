// Calls of tools, by name or by the functions of a namespace.

import { CALL, operate } from './seam.js';
import { TheError, TheTypeError, defineProperty, isArray } from './primordials.js';
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
  return `{"name":${quoted(name)},"arguments":`;
}

/**
 * Calls a tool; `tool` is its full name, `start` its `head`.
 *
 * The error is made here, where an async function resumes: so its stack has the place of the call.
 */
export async function call(tool, start, argumentsText) {
  let failure;
  try {
    return await operate(CALL, `${start}${argumentsText}}`);
  } catch (told) {
    failure = told;
  }
  throw failed(failure, tool);
}

export function failed(told, tool) {
  return new ToolError(`${told.message ?? ''}`, told.kind ?? 'tool', told.data, tool);
}

/** The global `callTool`: any tool by its full name, `namespace.tool`. */
export function callTool(name, args) {
  return guarded(called(name, args), typeof name === 'string' ? name : 'callTool');
}

async function called(name, args) {
  if (typeof name !== 'string') throw new TheTypeError(`the name of a tool must be a string, not ${typeof name}`);
  if (args !== undefined && (args === null || typeof args !== 'object' || isArray(args))) {
    const kind = args === null ? 'null' : isArray(args) ? 'an array' : typeof args;
    throw new TheTypeError(`the arguments of ${name} must be an object, not ${kind}`);
  }
  return await call(name, head(name), args === undefined ? '{}' : encodeArguments(args));
}
