// What `../bindings.js` left for the adapter. Nobody else finds it.

export const { adapter, cancel, core, emit, emitText, known, program, rehearse, stateOf, submit, unhandled } = globalThis.$wxmcp;
delete globalThis.$wxmcp;
