// undici: `fetch`, `request` and `stream` by the dispatcher that is there; one of its own needs sockets.
import { Readable, Writable } from 'node:stream';
import { Agent, FormData, fetch, request, stream } from 'undici';

const [base, nobody] = process.argv.slice(2);
const report = ({ name, message, cause }) => console.log(name, message, cause?.code, cause?.message.replace(/:\d+/g, ':PORT'));

const hello = await fetch(`${base}/hello`);
console.log(hello.status, hello.statusText, await hello.text(), hello.headers.get('content-type'));
const sent = await (await fetch(`${base}/echo`, { method: 'POST', body: JSON.stringify({ a: 'ü' }), headers: { 'content-type': 'application/json' } })).json();
console.log(sent.method, sent.headers['content-type'], sent.body);
const moved = await fetch(`${base}/to/${base}/hello`);
console.log(await moved.text(), moved.redirected);
for (const way of ['gzip', 'deflate']) console.log(await (await fetch(`${base}/packed/${way}`)).json());
const form = new FormData();
form.append('a', '1');
console.log((await (await fetch(`${base}/form`, { method: 'POST', body: form })).json()).body.includes('name="a"'));
const asked = await request(`${base}/q`, { query: { a: 1, b: ['x', 'y'] }, headers: { 'x-a': '1' } });
const { path, headers } = await asked.body.json();
console.log(asked.statusCode, path, headers['x-a']);
let size = 0;
for await (const part of (await request(`${base}/big`)).body) size += part.length;
console.log(size);
console.log((await (await request(`${base}/up`, { method: 'POST', body: Readable.from(['ab', 'cd']) })).body.json()).body);
await stream(`${base}/hello`, {}, ({ statusCode }) => new Writable({ write: (part, _, done) => done(console.log(statusCode, `${part}`)) }));
console.log(await Promise.all([1, 2, 3].map(async () => (await fetch(`${base}/meet/3/undici`)).text())));

await fetch(nobody).catch(report);
await fetch(`${base}/never`, { signal: AbortSignal.timeout(50) }).catch((error) => console.log(error.name));
await fetch('https://api.example.com/data').catch(report);
await request(`${base}/hello`, { dispatcher: new Agent() }).catch((error) => console.log(error.message));
