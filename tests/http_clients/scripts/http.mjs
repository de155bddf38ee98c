// node:http itself: events in their order, ends before their time, headers; form-data and follow-redirects over it.
import { once } from 'node:events';
import { createRequire } from 'node:module';
import http from 'node:http';
import https from 'node:https';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import zlib from 'node:zlib';

const [base, nobody] = process.argv.slice(2);
const require = createRequire(import.meta.url);
const text = async (message) => Buffer.concat(await message.toArray()).toString();

/** What a request emits, until it is closed. */
function events(request) {
  const seen = [];
  return new Promise((resolve) => {
    for (const name of ['socket', 'response', 'abort', 'timeout', 'error', 'close']) {
      request.on(name, (what) => {
        seen.push(name === 'error' ? `${what.code} ${what.message.replace(/:\d+/, ':PORT')}` : name);
        if (name === 'close') setImmediate(resolve, seen.join(', '));
      });
    }
  });
}

let request = http.get(`${base}/hello`, (response) => response.resume());
console.log(await events(request), request.destroyed, request.writableEnded, request.headersSent, request.method, request.path, request.protocol);
console.log(await events(http.get(nobody)));
request = http.get(`${base}/never`, { timeout: 30 }, undefined).on('timeout', () => request.destroy());
console.log(await events(request));
request = http.get(`${base}/never`).setTimeout(30, () => request.destroy(new Error('mine')));
console.log(await events(request));
request = http.get(`${base}/never`);
setTimeout(() => request.abort(), 20);
console.log(await events(request), request.aborted);
const controller = new AbortController();
setTimeout(() => controller.abort(), 20);
console.log(await events(http.get(`${base}/never`, { signal: controller.signal })));
console.log(await events(https.get('https://api.example.com/data')));
console.log(await events(http.get({ socketPath: '/var/run/docker.sock', path: '/info' })));

const { hostname, port } = new URL(base);
console.log(await events(http.get({ hostname, port, path: 'http://api.example.com/data' })));
request = http.request({ hostname, port, path: '/up', method: 'PUT', headers: { 'X-A': '1' } });
const answered = once(request, 'response');
await pipeline(Readable.from(['ab', Buffer.from('cd')]), request);
let [response] = await answered;
const sent = JSON.parse(await text(response));
console.log(sent.method, sent.headers['x-a'], sent.body, response.complete, response.statusCode, response.statusMessage, response.httpVersion);
[response] = await once(http.get(`${base}/cookies`), 'response');
console.log(response.headers['set-cookie'], await text(response));
[response] = await once(http.get(`${base}/packed/gzip`, { headers: { 'accept-encoding': 'gzip' } }), 'response');
console.log(response.headers['content-encoding'], await text(response.pipe(zlib.createGunzip())));
[response] = await once(http.get(`${base}/packed/br`, { headers: { 'accept-encoding': 'gzip, br' } }), 'response');
console.log(response.headers['content-encoding'], await text(response));
request = http.get(`${base}/big`);
[response] = await once(request, 'response');
response.on('aborted', () => console.log('aborted')).on('error', ({ code, message }) => console.log(code, message));
response.once('data', () => request.destroy());
console.log(await events(request), response.complete);

const agent = new http.Agent({ maxSockets: 1 });
const order = [];
const one = async (name) => {
  const [message] = await once(http.get(`${base}/hello`, { agent }), 'response');
  order.push(name, Object.values(agent.sockets).flat().length, Object.values(agent.requests).flat().length > 0);
  await text(message);
};
await Promise.all([one('first'), one('second')]);
console.log(order.join(' '));
console.log(await Promise.all([1, 2, 3].map(async () => text((await once(http.get(`${base}/meet/3/http`), 'response'))[0]))));

const FormData = require('form-data');
const form = new FormData();
form.append('file', Buffer.from('abc'), { filename: 'x.txt' });
response = await new Promise((resolve, reject) => form.submit(`${base}/form`, (error, message) => (error ? reject(error) : resolve(message))));
console.log(JSON.parse(await text(response)).body.includes('filename="x.txt"'));
[response] = await once(require('follow-redirects').http.get(`${base}/to/${base}/hello`), 'response');
console.log(response.responseUrl === `${base}/hello`, await text(response));
