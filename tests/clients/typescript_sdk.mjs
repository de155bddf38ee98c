// The TypeScript SDK as a client of `wxmcp serve`: `typescript_sdk.mjs v1|v2|v2-modern NODE_MODULES WXMCP`. Prints what
// it saw as JSON.

import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [, , line, modules, program] = process.argv;
const load = (name) => import(pathToFileURL(createRequire(`${modules}/x.js`).resolve(name)).href);

const own = { name: 'test', version: '1' };
let client;
let transport;
if (line === 'v1') {
  const { Client } = await load('@modelcontextprotocol/sdk/client/index.js');
  const { StdioClientTransport } = await load('@modelcontextprotocol/sdk/client/stdio.js');
  client = new Client(own);
  transport = new StdioClientTransport({ command: program, args: ['serve'], stderr: 'ignore' });
} else {
  const { Client } = await load('@modelcontextprotocol/client');
  const { StdioClientTransport } = await load('@modelcontextprotocol/client/stdio');
  const negotiation = line === 'v2' ? {} : { versionNegotiation: { mode: 'auto' } };
  client = new Client(own, negotiation);
  transport = new StdioClientTransport({ command: program, args: ['serve'], stderr: 'ignore' });
}
const options = (progress) => {
  const given = progress ? { onprogress: progress } : {};
  return line === 'v1' ? [undefined, given] : [given];
};
const run = (args, progress) => client.callTool({ name: 'run_code', arguments: args }, ...options(progress));

await client.connect(transport);
const tools = await client.listTools();
const value = await run({ code: 'const n: number = 20;\nconsole.log("a line");\nn + 22', language: 'typescript' });
const image = await run({ code: "image(b'\\x89PNG\\r\\n\\x1a\\n', 'image/png')" });
const begun = await run({ code: 'x = 20', session: 'new' });
const session = begun.structuredContent.session;
const kept = await run({ code: 'x + 22', session });
const failed = await run({ code: '1 / 0' });
const steps = [];
// The SDK forgets whom to tell of progress when the answer comes with it.
const code = "import time\nprogress('half', 1, 2)\ntime.sleep(0.3)";
await run({ code }, (step) => steps.push(step.message));
const stop = new AbortController();
setTimeout(() => stop.abort(), 200);
const spin = { name: 'run_code', arguments: { code: 'while True: pass' } };
const cancelled = await (line === 'v1'
  ? client.callTool(spin, undefined, { signal: stop.signal })
  : client.callTool(spin, { signal: stop.signal })
).then(() => false, () => true);
const after = await run({ code: '1 + 1' });
console.log(JSON.stringify({
  tools: tools.tools.map((tool) => tool.name),
  value: value.content[0].text,
  image: image.content[1].mimeType,
  kept: kept.structuredContent.value,
  failed: failed.isError,
  progress: steps,
  cancelled,
  after: after.content[0].text,
}));
await client.close();
