// Modules of Node's are not in components that are built. `wxmcp build` refuses scripts that import one; what
// a script requires is known when it runs.

const NAMES =
  'assert assert/strict async_hooks buffer child_process cluster console constants crypto dgram diagnostics_channel dns dns/promises domain events ' +
  'fs fs/promises http http2 https inspector inspector/promises net os path path/posix path/win32 perf_hooks process ' +
  'punycode querystring readline readline/promises repl stream stream/consumers stream/promises stream/web string_decoder sys timers timers/promises tls trace_events tty url util util/types v8 vm wasi worker_threads zlib';

export const names = NAMES.split(' ');

export function builtin(name) {
  throw new Error(`there is no \`node:${name}\` in a component that was built`);
}
