// got: JSON, forms, cookies, retries, hooks, its errors.
import got, { HTTPError, RequestError, TimeoutError } from 'got';
import { CookieJar } from 'tough-cookie';

const [base, nobody] = process.argv.slice(2);
const once = { retry: { limit: 0 } };
const report = (error) => console.log(error.name, error.code, error.message.replace(/:\d+/g, ':PORT'), error instanceof RequestError);

const hello = await got(`${base}/hello`);
console.log(hello.statusCode, hello.statusMessage, hello.body, hello.headers['content-type']);
const sent = await got.post(`${base}/echo`, { json: { a: 'ü' } }).json();
console.log(sent.method, sent.headers['content-type'], sent.body);
const moved = await got(`${base}/to/${base}/hello`);
console.log(moved.body, moved.redirectUrls.length, moved.url === `${base}/hello`);
for (const way of ['gzip', 'deflate', 'br']) console.log(await got(`${base}/packed/${way}`).json());
console.log(await got(`${base}/flaky/3/got`, { retry: { limit: 3, calculateDelay: ({ computedValue }) => computedValue && 1 } }).json());
let size = 0;
for await (const part of got.stream(`${base}/big`)) size += part.length;
console.log(size, (await got(`${base}/bytes`, { responseType: 'buffer' })).body[255]);
console.log((await got.post(`${base}/form`, { form: { x: 1, y: 'b c' } }).json()).body);
const asked = await got(`${base}/basic`, { username: 'u', password: 'p', searchParams: { q: 'a b' } }).json();
console.log(asked.path, asked.headers.authorization);
const cookieJar = new CookieJar();
await got(`${base}/cookies`, { cookieJar });
console.log((await got(`${base}/x`, { cookieJar }).json()).headers.cookie);
const hooks = { beforeRequest: [(options) => void (options.headers['x-b'] = '2')] };
const api = got.extend({ prefixUrl: base, headers: { 'x-a': '1' }, hooks });
const { headers } = await api('x').json();
console.log(headers['x-a'], headers['x-b']);
console.log(await Promise.all([1, 2, 3].map(() => got(`${base}/meet/3/got`).text())));

await got(`${base}/status/404`).catch((error) => console.log(error instanceof HTTPError, error.code, error.response.body));
await got(nobody, once).catch(report);
await got(`${base}/never`, { timeout: { request: 50 }, ...once }).catch((error) => console.log(error instanceof TimeoutError, error.code, error.event));
// Without `once`: what is not granted is not tried again.
await got('https://api.example.com/data').catch(report);
