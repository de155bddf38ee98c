// axios: its ways of sending and reading, its errors, requests that overlap.
import axios from 'axios';

const [base, nobody] = process.argv.slice(2);
const report = (error) => console.log(error.name, error.code, error.message.replace(/:\d+/g, ':PORT'));

const hello = await axios.get(`${base}/hello`);
console.log(hello.status, hello.statusText, hello.data, hello.headers['content-type']);
const { data: sent } = await axios.post(`${base}/echo?x=1`, { a: 'ü' });
console.log(sent.method, sent.path, sent.headers['content-type'], sent.headers['content-length'], sent.body);
console.log((await axios.get(`${base}/to/${base}/hello`)).data);
for (const way of ['gzip', 'deflate', 'br']) {
  const { data, headers } = await axios.get(`${base}/packed/${way}`);
  console.log(data, headers['content-encoding']);
}
const stream = await axios.get(`${base}/big`, { responseType: 'stream' });
let size = 0;
let parts = 0;
for await (const part of stream.data) [size, parts] = [size + part.length, parts + 1];
console.log(size, parts > 1);
const bytes = await axios.get(`${base}/bytes`, { responseType: 'arraybuffer' });
console.log(bytes.data.length, bytes.data[255]);
const form = new FormData();
form.append('a', '1');
form.append('file', new Blob(['content'], { type: 'text/plain' }), 'x.txt');
const { data: upload } = await axios.post(`${base}/form`, form);
console.log(upload.headers['content-type'].split(';')[0], upload.body.includes('name="file"; filename="x.txt"'), upload.body.includes('content'));
const { data: asked } = await axios.get(`${base}/basic`, { auth: { username: 'u', password: 'p' }, params: { q: 'a b', list: [1, 2] } });
console.log(asked.path, asked.headers.authorization);
console.log((await axios.get(`${base}/cookies`)).headers['set-cookie']);
const api = axios.create({ baseURL: base, headers: { 'X-A': '1' } });
api.interceptors.response.use((response) => response.data);
console.log((await api.get('/x')).headers['x-a']);
console.log((await Promise.all([1, 2, 3].map(() => axios.get(`${base}/meet/3/axios`)))).map(({ data }) => data));

await axios.get(`${base}/status/404`).catch((error) => {
  report(error);
  console.log(axios.isAxiosError(error), error.response.status, error.response.data);
});
await axios.get(nobody).catch(report);
await axios.get(`${base}/never`, { timeout: 50 }).catch(report);
const controller = new AbortController();
setTimeout(() => controller.abort(), 20);
await axios.get(`${base}/never`, { signal: controller.signal }).catch((error) => console.log(error.name, error.code, axios.isCancel(error)));
await axios.get('https://api.example.com/data').catch((error) => {
  console.log(error.code, axios.isAxiosError(error));
  console.log(error.message);
});
