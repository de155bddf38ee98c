// node-fetch: its bodies, its redirects, its errors.
import { Readable } from 'node:stream';
import fetch, { Blob, FetchError, FormData } from 'node-fetch';

const [base, nobody] = process.argv.slice(2);
const report = (error) => console.log(error.name, error.type, error.code, error.message.replace(/:\d+/g, ':PORT'), error instanceof FetchError);

const hello = await fetch(`${base}/hello`);
console.log(hello.status, hello.statusText, await hello.text(), hello.headers.get('content-type'));
const sent = await (await fetch(`${base}/echo`, { method: 'POST', body: JSON.stringify({ a: 'ü' }), headers: { 'content-type': 'application/json' } })).json();
console.log(sent.method, sent.headers['content-type'], sent.body);
const moved = await fetch(`${base}/to/${base}/hello`);
console.log(await moved.text(), moved.redirected, moved.url === `${base}/hello`);
const manual = await fetch(`${base}/to/${base}/hello`, { redirect: 'manual' });
console.log(manual.status, manual.headers.get('location') === `${base}/hello`);
for (const way of ['gzip', 'deflate', 'br']) console.log(await (await fetch(`${base}/packed/${way}`)).json());
let size = 0;
for await (const part of (await fetch(`${base}/big`)).body) size += part.length;
console.log(size);
const form = new FormData();
form.append('file', new Blob(['content'], { type: 'text/plain' }), 'x.txt');
const upload = await (await fetch(`${base}/form`, { method: 'POST', body: form })).json();
console.log(upload.headers['content-type'].split(';')[0], upload.body.includes('filename="x.txt"'));
console.log((await (await fetch(`${base}/up`, { method: 'POST', body: Readable.from(['ab', 'cd']) })).json()).body);
console.log((await fetch(`${base}/cookies`)).headers.raw()['set-cookie']);
console.log(await Promise.all([1, 2, 3].map(async () => (await fetch(`${base}/meet/3/node-fetch`)).text())));

await fetch(nobody).catch(report);
await fetch(`${base}/never`, { signal: AbortSignal.timeout(50) }).catch((error) => console.log(error.name, error.type));
await fetch(`${base}/to/${base}/hello`, { redirect: 'error' }).catch((error) => console.log(error.name, error.type));
await fetch('https://api.example.com/data').catch(report);
