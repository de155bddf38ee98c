// The guest's modules of Node against node's own: what each expression gives, or throws, must be the same.
// Run: node --test guest-adapters/javascript/test; the packages must be set up, as `make setup` does.

import assert from 'node:assert';
import { copyFileSync, cpSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import util from 'node:util';
import { bundled } from '../build/packages.mjs';

const adapter = dirname(dirname(fileURLToPath(import.meta.url)));
const setup = join(adapter, '../../.setup');
const packages = [
  process.env.WXMCP_NODE_MODULES,
  join(adapter, 'build/node_modules'),
  ...(existsSync(setup) ? readdirSync(setup).map((name) => join(setup, name, 'node_modules')) : []),
].find((folder) => folder !== undefined && existsSync(join(folder, 'readable-stream')) && existsSync(join(folder, 'oxc-minify')));

const EXPRESSIONS = {
  path: `
    path.join('a', '..', '..', 'b', 'c'); path.resolve('/a', '../c', './d'); path.relative('/a/b/c', '/a/d'); path.parse('/home/u/f.tar.gz')
    path.parse('./x'); path.parse('/'); path.format({ dir: '/x', base: 'y.z' }); path.format({ root: '/', name: 'n', ext: '.e' }); path.extname('.bashrc')
    path.extname('a.b.'); path.basename('/a/b.html', '.html'); path.normalize('/a//b/./c/..'); path.normalize(''); path.dirname('a'); path.isAbsolute('')
    path.join(null); path.join('a', 5); path.basename('a', 5); path.resolve('a', {}); path.dirname(undefined)`,
  buffer: `
    Buffer.from('h\\u00e9llo \\u20ac\\ud83d\\ude00').toString('hex'); Buffer.from('aGk_-w', 'base64'); Buffer.from('a G\\nk=x', 'base64'); Buffer.from('zz12', 'hex')
    Buffer.from('12zz', 'hex'); Buffer.from('123', 'hex'); Buffer.from('\\ud800', 'utf8'); Buffer.from('ff', 'utf16le'); Buffer.from('\\u00ff\\u0100', 'latin1')
    Buffer.from([1, 300, -1, 'x']); Buffer.alloc(5, 'ab'); Buffer.alloc(4, 1); Buffer.concat([Buffer.from('a'), Buffer.from('bc')], 2); Buffer.byteLength('aGk=', 'base64')
    Buffer.byteLength('\\u20ac'); Buffer.isEncoding('UTF-8'); Buffer.isEncoding('x'); Buffer.compare(Buffer.from('a'), Buffer.from('b')); JSON.stringify(Buffer.from('hi'))
    Buffer.from('hello').slice(1, 3).toString(); Buffer.from('hello').subarray(-2).toString('latin1'); Buffer.from('abcabc').indexOf('ca'); Buffer.from('abcabc').lastIndexOf('a')
    Buffer.from('abc').includes('b'); Buffer.from('abc').equals(Buffer.from('abc')); Buffer.from('abcd').swap16().toString(); Buffer.from('616263', 'hex').readUIntBE(0, 3)
    Buffer.from([255, 254, 1, 2]).readInt16LE(0); Buffer.alloc(8).writeDoubleBE(1.5); Buffer.alloc(2).readUInt32LE(0); Buffer.alloc(8).readUInt32LE(6); Buffer.alloc(4).writeUInt8(256)
    Buffer.alloc(4).writeInt16BE(-32769, 0); Buffer.alloc(4).readInt8(1.5); Buffer.alloc(4).readInt8('1'); Buffer.from(5); Buffer.from(null); Buffer.from('a', 'nope'); Buffer.from('a').toString('nope')
    Buffer.from([0xe2, 0x82]).toString(); Buffer.from('abc').toString('base64url'); Buffer.from('abc').fill('z').toString(); Buffer.alloc(5).fill('aGk=', 'base64').toString()
    Buffer.from('hello').write('ab', 1); Buffer.alloc(3).toString('utf8', 1, 9); Buffer.from(new Uint8Array([1, 2]).buffer); [...Buffer.from('ab').entries()]; Buffer.from('x'.repeat(3)).toJSON()`,
  crypto: `
    crypto.createHash('md5').update('a').digest('hex'); crypto.createHash('SHA1').update('\\u00e9').digest('base64'); crypto.createHash('sha224').digest('hex')
    crypto.createHash('sha256').update(Buffer.from('x')).update('y').digest(); crypto.createHash('sha384').update('').digest('base64url'); crypto.createHash('sha512').update('a').digest('latin1')
    crypto.createHash('sha512-256').update('a').digest('hex'); crypto.createHash('sha3-256').update('a').digest('hex'); crypto.createHash('ripemd160').update('a').digest('hex')
    crypto.createHash('blake2b512').update('a').digest('hex'); crypto.createHmac('sha256', 'key').update('data').digest('hex'); crypto.createHmac('md5', Buffer.alloc(100)).update('d').digest('hex')
    crypto.createHash('md5').update(5); crypto.createHmac('nope', 'x'); crypto.timingSafeEqual(Buffer.from('a'), Buffer.from('b')); crypto.timingSafeEqual(Buffer.from('a'), Buffer.from('ab'))
    crypto.pbkdf2Sync('p', 's', 10, 20, 'sha512').toString('hex'); crypto.pbkdf2Sync('p', 's', 1, 1, 'nope'); crypto.scryptSync('p', 's', 16, { N: 16 }).toString('hex')
    Buffer.from(crypto.hkdfSync('sha256', 'k', 's', 'i', 8)).toString('hex'); crypto.randomBytes(-1); crypto.randomBytes('1'); crypto.randomInt(5, 5); crypto.randomUUID().length`,
  util: `
    util.format('%s %d %i %j %% %s', 'a', 1.5, 2.7, { a: 1 }, 'x', 'rest'); util.isDeepStrictEqual({ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }); util.isDeepStrictEqual([1], ['1'])
    util.isDeepStrictEqual(new Map([[1, new Set([2])]]), new Map([[1, new Set([2])]])); util.isDeepStrictEqual(NaN, NaN); util.isDeepStrictEqual(0, -0); util.types.isPromise(Promise.resolve())
    util.types.isRegExp(/a/); util.types.isAsyncFunction(async () => 1); util.types.isGeneratorFunction(function* () {}); util.types.isBoxedPrimitive(Object(1)); util.types.isMap(new Map())
    util.parseArgs({ args: ['-v', '--name=x', 'pos', '--num', '3'], options: { v: { type: 'boolean', short: 'v' }, name: { type: 'string' }, num: { type: 'string' } }, allowPositionals: true }).positionals
    util.parseArgs({ args: ['--bad'], options: {} }); util.parseArgs({ args: ['x'], options: {} }); util.parseArgs({ args: ['--name'], options: { name: { type: 'string' } } })
    util.stripVTControlCharacters('\\u001b[31mred\\u001b[0m'); util.promisify(5); util.inherits(5, 6); util.toUSVString('a\\ud800')`,
  url: `
    url.parse('https://user:pa%20ss@host.com:8080/p/a?query=string&a=1#hash').href; url.parse('/a?b=1', true).query.b; url.parse('mailto:a@b.c').protocol; url.parse('//x/y', false, true).host
    url.resolve('http://a.com/b/c', '../d'); url.resolve('/one/two', 'three'); url.format({ protocol: 'http', host: 'x.com', pathname: '/y', query: { a: 'b c', l: [1, 2] } })
    url.fileURLToPath('file:///a%20b/c'); url.pathToFileURL('/a b#c?d%[].txt').href; url.pathToFileURL('/dir/').href; url.fileURLToPath('http://x'); url.fileURLToPath('file://h/x'); url.fileURLToPath('file:///a%2fb')
    url.format(new URL('http://a:b@c/d?e#f'), { auth: false, fragment: false }); url.urlToHttpOptions(new URL('http://a:b@c:9/d?e')).path; url.domainToASCII('ma\\u00f1ana.com')`,
  querystring: `
    Object.entries(querystring.parse('a=1&b=2&a=3&c=%20x+y&d&=e&f=%zz')); querystring.stringify({ a: [1, 2], b: 'x y', c: true, d: null, e: undefined, f: NaN, g: '\\u00fc&=', h: 5n })
    Object.entries(querystring.parse('a:1;b:2', ';', ':')); querystring.escape('a b*'); querystring.unescape('%41%zz'); querystring.stringify({ a: 1 }, ';', ':'); querystring.stringify('x')`,
  zlib: `
    zlib.gunzipSync(zlib.gzipSync('hello '.repeat(50))).toString().length; zlib.inflateSync(zlib.deflateSync('x')).toString(); zlib.inflateRawSync(zlib.deflateRawSync('raw')).toString()
    zlib.unzipSync(zlib.gzipSync('u')).toString(); zlib.gunzipSync(Buffer.from('no gzip data')); zlib.inflateSync(Buffer.from('xx')); zlib.gunzipSync(Buffer.from([31]))`,
  assert: `
    assert(false); assert.ok(0, 'message'); assert.equal(1, 2); assert.strictEqual(1, 2); assert.notStrictEqual(1, 1); assert.deepStrictEqual({ a: 1 }, { a: 1 }); assert.deepEqual([1, 2], [1, '2'])
    assert.throws(() => { throw new TypeError('bad'); }, TypeError); assert.throws(() => {}, /x/); assert.doesNotThrow(() => {}); assert.match('abc', /x/); assert.fail('f'); assert.ifError(null); assert.strictEqual('a\\nb', 'a\\nc')`,
  http: `
    http.request('nope'); http.request({ method: 'A B' }); http.request({ method: 5 }); http.request({ protocol: 'https:' }); http.request({ path: '/a b' }); http.request({ host: 5 })
    http.request('http://a/', { headers: { 'a b': '1' } }); http.request('http://a/', { headers: { a: 'x\\ny' } }); http.request('http://a/', { headers: { a: '\\u20ac' } }); require('https').request('http://a/')
    http.STATUS_CODES[418]; http.validateHeaderName('a:'); http.validateHeaderValue('a', undefined); http.validateHeaderName('a'); new http.Agent().getName({ host: 'a', port: 1 }); new http.Agent().getName()
    new http.Agent({ maxSockets: 2 }).maxSockets; new (require('https').Agent)().defaultPort; require('https').globalAgent.protocol; require('https').Agent.prototype instanceof http.Agent; http.Agent.prototype instanceof events
    Object.keys(new http.OutgoingMessage().setHeader('X-A', ['1', '2']).getHeaders()); new http.OutgoingMessage().setHeader('X-A', 1).getRawHeaderNames(); new http.OutgoingMessage().appendHeader('a', '1').appendHeader('A', '2').getHeader('a')
    new http.OutgoingMessage().setHeaders(new Map([['b', '1']])).hasHeader('B'); new http.OutgoingMessage().setHeader('a', undefined); new http.OutgoingMessage().setHeader('a b', '1'); new http.OutgoingMessage().headersSent
    [new http.IncomingMessage().complete, new http.IncomingMessage().statusCode, new http.IncomingMessage().headers, new http.IncomingMessage().headersDistinct]
    require('net').isIP('::1'); require('net').isIP('1.2.3.400'); new (require('net').Socket)().connecting; require('stream').Stream === require('stream'); typeof new (require('tls').TLSSocket)(new (require('stream').PassThrough)())._handle._parentWrap.constructor`,
  events: `
    new events().listenerCount('x'); new events().emit('x'); new events().emit('error', new Error('boom')); new events().emit('error', 'text'); new events().on('x', 5); events.EventEmitter === events
    (() => { const e = new events(); const seen = []; e.on('x', (...a) => seen.push(a)).once('x', () => seen.push('once')).prependListener('x', () => seen.push('first')); e.emit('x', 1); e.emit('x'); return seen; })()`,
};

const WAITS = {
  stream: `
    (async () => { const got = []; for await (const x of stream.Readable.from([1, 2, 3])) got.push(x); return got; })()
    stream.Readable.from([1, 2, 3]).map((x) => x * 2).filter((x) => x > 2).toArray()
    stream.promises.pipeline(stream.Readable.from(['a']), new stream.Writable({ write: (c, e, done) => done(new Error('full')) }))
    (async () => { const p = new stream.PassThrough(); p.write('a'); p.end('b'); return Buffer.concat(await p.toArray()).toString(); })()
    (async () => { const t = new stream.Transform({ transform(c, e, done) { done(null, c.toString().toUpperCase()); } }); t.end('abc'); return (await t.setEncoding('utf8').toArray()).join(''); })()`,
  readline: `
    (async () => { const lines = []; for await (const line of readline.createInterface({ input: require('stream').Readable.from(['one\\ntw', 'o\\r\\nthree']), crlfDelay: Infinity })) lines.push(line); return lines; })()`,
  crypto: `
    require('stream/consumers').text(require('stream').Readable.from(['a', 'b']).pipe(crypto.createHash('md5')).setEncoding('hex'))
    util.promisify(crypto.pbkdf2)('p', 's', 2, 8, 'sha1')`,
  zlib: `
    (async () => (await util.promisify(zlib.gunzip)(zlib.gzipSync('a'.repeat(9)))).toString())(); (async () => (await util.promisify(zlib.inflate)(zlib.deflateSync('b'))).toString())()
    (async () => zlib.gunzipSync(await util.promisify(zlib.gzip)('c')).toString())(); (async () => zlib.inflateSync(await util.promisify(zlib.deflate)('d', { level: 1 })).toString())()
    util.promisify(zlib.gunzip)(zlib.gzipSync('e').subarray(0, 12)); util.promisify(zlib.gunzip)(zlib.gzipSync('f'.repeat(9)), { maxOutputLength: 2 }); util.promisify(zlib.unzip)(Buffer.from('no such'))
    (async () => { const t = zlib.createUnzip(); t.end(Buffer.concat([zlib.gzipSync('g'), zlib.gzipSync('h')])); return Buffer.concat(await t.toArray()).toString(); })()
    (async () => { const t = zlib.createInflate(); t.end(zlib.deflateSync('i').subarray(0, 5)); return t.toArray(); })()
    (async () => { const b = zlib.gzipSync('j'); b[b.length - 6] ^= 1; const t = zlib.createGunzip(); t.end(b); return t.toArray(); })()`,
  child_process: `
    util.promisify(child_process.execFile)('there-is-no-such-program', ['a']); util.promisify(child_process.exec)('there-is-no-such-program a')
    (async () => { const { error, ...rest } = child_process.spawnSync('there-is-no-such-program', ['x']); return [error.message, { ...error }, rest]; })()`,
  timers: `require('timers/promises').setTimeout(2, 'value'); util.promisify(setTimeout)(1, 'value')`,
};

/** What runs the guest's timers. */
let turns;

/** Makes the guest's modules of this process: answers its `require`. */
async function guest(folder) {
  for (const name of readdirSync(join(adapter, 'adapter'))) copyFileSync(join(adapter, 'adapter', name), join(folder, name));
  cpSync(join(adapter, 'node'), join(folder, 'node'), { recursive: true });
  writeFileSync(join(folder, 'node/packages.js'), await bundled(packages));
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
  // What the engine has and node 20 lacks.
  const Own = Buffer;
  Error.isError ??= (value) => util.types.isNativeError(value);
  JSON.rawJSON ??= (text) => text;
  Uint8Array.fromBase64 ??= (text) => new Uint8Array(Own.from(text, 'base64'));
  Uint8Array.fromHex ??= (text) => new Uint8Array(Own.from(text, 'hex'));
  Uint8Array.prototype.toBase64 ??= function (options) {
    return Own.from(this.buffer, this.byteOffset, this.length).toString(options?.alphabet ?? 'base64');
  };
  Uint8Array.prototype.toHex ??= function () {
    return Own.from(this.buffer, this.byteOffset, this.length).toString('hex');
  };
  globalThis.InternalError ??= class InternalError extends Error {};
  Object.defineProperty(Error.prototype, 'stack', { get: () => undefined, set() {}, configurable: true });
  const core = { imported: (name) => () => assert.fail(`${name} is called`), size: () => 8 };
  const nothing = () => {};
  globalThis.$wxmcp = { adapter: {}, core, submit: () => 1n, cancel: nothing, emit: nothing, emitText: nothing, rehearse: nothing, unhandled: new Set() };
  const real = globalThis.process;
  const ours = await import(join(folder, 'process.js'));
  const timers = await import(join(folder, 'timers.js'));
  const { builtin } = await import(join(folder, 'node/index.js'));
  const globals = await import(join(folder, 'node/globals.js'));
  const target = { queueMicrotask };
  ours.install(target, () => new Error('the end'));
  ours.prepare({ name: 'x.js', env: {} });
  globals.install(target, ours.process);
  turns = setInterval(() => {
    timers.begin();
    while (timers.runDue());
  }, 0);
  assert.equal(globalThis.process, real);
  return (name) => builtin(name.replace(/^node:/, ''));
}

function evaluated(source, load) {
  const names = Object.keys(EXPRESSIONS).concat(Object.keys(WAITS)).filter((name, i, all) => name !== 'buffer' && all.indexOf(name) === i);
  const make = new Function('require', 'Buffer', ...names, `return (${source});`);
  return make(load, load('buffer').Buffer, ...names.map((name) => load(name)));
}

/** A value or an error, for comparison. */
function shown(value) {
  return util.inspect(value, { depth: 5 }).replace(/^<?Buffer/, 'Buffer');
}

function failure(error) {
  return `${error.name} ${error.code} ${error.message}`;
}

async function outcome(source, load, waits) {
  try {
    const value = evaluated(source, load);
    return shown(waits ? await value : value);
  } catch (error) {
    return failure(error);
  }
}

/** Statements that hold `;` are one a line. */
function listed(text) {
  return text.split('\n').flatMap((line) => (/^\s*\((async )?\(\) =>|\{ .*;.* \}/.test(line) ? [line.trim()] : line.split('; ').map((one) => one.trim()))).filter(Boolean);
}

test('modules of Node', { skip: packages === undefined && 'the packages are not set up' }, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'wxmcp-node-'));
  try {
    const own = createRequire(import.meta.url);
    const ours = await guest(folder);
    for (const [table, waits] of [[EXPRESSIONS, false], [WAITS, true]]) {
      for (const [name, text] of Object.entries(table)) {
        await context.test(waits ? `${name}, later` : name, async () => {
          for (const source of listed(text)) {
            assert.equal(await outcome(source, ours, waits), await outcome(source, own, waits), source);
          }
        });
      }
    }
  } finally {
    clearInterval(turns);
    rmSync(folder, { recursive: true, force: true });
  }
});
