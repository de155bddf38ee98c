// Makes the JavaScript guest, a component:
//
//     npm ci --ignore-scripts                (in this folder, or in a copy of its two package files)
//     node build.mjs OUT.wasm [GUEST.wit]
//
// Node 20 or later. The packages are those of a `node_modules` beside this file, or of the
// folder that the variable WXMCP_NODE_MODULES names. Inputs: this folder, `../wit`,
// `../*.js`, `../adapter/*.js`, `../node/*.js`, `../intl` and GUEST.wit (`../../../wit/guest.wit`). Nothing of the
// environment reaches the guest, no network is used, and the same inputs give the same bytes.
//
// componentize-js's own pipeline is not used, only its parts: the engine, the splicer that
// adds the world's imports and exports to it, and wizer, which runs the adapter once and
// keeps the memory. The bindings that the splicer generates are replaced by ours
// (`../bindings.js`); see there for why.

import { spawnSync } from 'node:child_process';
import {
  cpSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { collectInLoops } from './collect.mjs';
import { sealHeap } from './heap.mjs';
import { clearFileStatus, fixSeeds, layMemoryOut, renameImports, withoutModuleLoader } from './module.mjs';
import { bundled } from './packages.mjs';
import { withoutCounts } from './uncounted.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const adapter = dirname(here);
const packages = resolve(process.env.WXMCP_NODE_MODULES ?? join(here, 'node_modules'));
const [, , out, guestWit = join(adapter, '../../wit/guest.wit')] = process.argv;
if (!out) throw new Error('usage: node build.mjs OUT.wasm [GUEST.wit]');

const WORLD = 'javascript';
// `http` and `fetch-event` are left out: with them the engine imports wasi:http.
const FEATURES = ['stdio', 'random', 'clocks'];
// Where the engine sees the adapter while it is built; stacks name files by it.
const INSIDE = '/wxmcp-adapter';
// When the adapter's files were changed, as the engine sees it: seconds of the Unix epoch, and
// nanoseconds (not zero: zeros may be missing from the image).
const CHANGED = { seconds: 1_234_567_890, nanoseconds: 500_000_000 };

// The exports whose core signature `../bindings.js` is written for.
const EXPORTS = { export_start: 'i32,i32', export_deliver: 'i32,i32' };

// Imports that `preview1.wat` answers, besides the first preview's.
const POLLABLES = {
  'subscribe-instant': 'wasi:clocks/monotonic-clock@0.2.10',
  'subscribe-duration': 'wasi:clocks/monotonic-clock@0.2.10',
  poll: 'wasi:io/poll@0.2.10',
  '[resource-drop]pollable': 'wasi:io/poll@0.2.10',
  '[method]pollable.block': 'wasi:io/poll@0.2.10',
  '[method]pollable.ready': 'wasi:io/poll@0.2.10',
};

const require = createRequire(pathToFileURL(join(packages, 'x.js')));
const load = (path) => import(pathToFileURL(join(packages, path)).href);
const { splicer } = await load('@bytecodealliance/componentize-js/lib/spidermonkey-embedding-splicer.js');
const { componentNew, componentEmbed, parse } = await load('@bytecodealliance/jco-transpile/dist/wasm-tools.js');

const folder = mkdtempSync(join(tmpdir(), 'wxmcp-javascript-'));
try {
  writeFileSync(out, await component());
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function component() {
  const wit = join(folder, 'wit');
  cpSync(join(adapter, 'wit'), wit, { recursive: true });
  copyFileSync(guestWit, join(wit, 'guest.wit'));
  const engine = readFileSync(join(packages, '@bytecodealliance/componentize-js/lib/starlingmonkey_embedding.wasm'));
  const spliced = splicer.spliceBindings(collectInLoops(withoutCounts(engine)), FEATURES, undefined, wit, WORLD, false);
  checkExports(spliced.exports);
  await writeSources(spliced.imports);
  const ready = preinitialise(Buffer.from(spliced.wasm), environment(spliced));
  const stubbed = splicer.stubWasi(ready, FEATURES, undefined, wit, WORLD);
  const answered = Object.entries(POLLABLES).map(([name, module]) => [name, [module, 'wasi_snapshot_preview1']]);
  const linked = renameImports(Buffer.from(stubbed), Object.fromEntries(answered));
  return componentNew(linked, [['wasi_snapshot_preview1', await preview1()]]);
}

function checkExports(exports) {
  const found = exports.map(([name, signature]) => `${name}(${signature.params.join(',')})`).sort().join(' ');
  const wanted = Object.entries(EXPORTS).map(([name, params]) => `${name}(${params})`).sort().join(' ');
  if (found !== wanted) throw new Error(`the world exports ${found}; bindings.js is written for ${wanted}`);
}

/** The adapter's files, and the bindings with the places of the imports in front. */
async function writeSources(imports) {
  const sources = join(folder, 'sources');
  mkdirSync(sources);
  for (const from of [join(adapter, 'adapter'), adapter]) {
    for (const name of readdirSync(from)) {
      if (name.endsWith('.js') && name !== 'bindings.js') copyFileSync(join(from, name), join(sources, name));
    }
  }
  cpSync(join(adapter, 'intl'), join(sources, 'intl'), { recursive: true });
  copyZod(join(sources, 'zod'));
  cpSync(join(adapter, 'node'), join(sources, 'node'), { recursive: true });
  writeFileSync(join(sources, 'node/packages.js'), await bundled(packages));
  const names = imports.map(([module, name]) => `${module} ${name}`);
  const bindings = readFileSync(join(adapter, 'bindings.js'), 'utf8');
  // One line, so that line numbers stay those of the file.
  writeFileSync(join(sources, 'bindings.js'), `const $names = ${JSON.stringify(names)};${bindings}`);
  const changed = CHANGED.seconds + CHANGED.nanoseconds / 1e9;
  for (const name of readdirSync(sources, { recursive: true })) utimesSync(join(sources, name), changed, changed);
}

/**
 * zod as it comes, save its languages other than English, which are two thirds of it, and its
 * second API (`zod/mini`).
 */
function copyZod(to) {
  const from = join(packages, 'zod');
  mkdirSync(to);
  copyFileSync(join(from, 'index.js'), join(to, 'index.js'));
  for (const folder of ['v4/classic', 'v4/core', 'v4/locales']) {
    mkdirSync(join(to, folder), { recursive: true });
    for (const name of readdirSync(join(from, folder))) {
      if (name.endsWith('.js') && (folder !== 'v4/locales' || name === 'en.js')) {
        copyFileSync(join(from, folder, name), join(to, folder, name));
      }
    }
  }
  writeFileSync(join(to, 'v4/locales/index.js'), "export { default as en } from './en.js';\n");
}

/** What the embedding reads while it starts; see `embedding.cpp` of componentize-js. */
function environment({ exports, imports }) {
  const found = { DEBUG: '', SOURCE_NAME: 'main.js', FEATURE_CLOCKS: '1', ENABLE_PBL: '1' };
  found.EXPORT_CNT = `${exports.length}`;
  exports.forEach(([name, signature], i) => {
    found[`EXPORT${i}_NAME`] = name;
    found[`EXPORT${i}_ARGS`] = (signature.paramptr ? '*' : '') + signature.params.join(',');
    found[`EXPORT${i}_RET`] = (signature.retptr ? '*' : '') + (signature.ret ?? '');
    found[`EXPORT${i}_RETSIZE`] = `${signature.retsize}`;
  });
  found.IMPORT_CNT = `${imports.length}`;
  imports.forEach(([, name, count], i) => {
    found[`IMPORT${i}_NAME`] = name;
    found[`IMPORT${i}_ARGCNT`] = `${count}`;
  });
  return found;
}

/** Runs the adapter's modules, and keeps the memory that they leave. */
function preinitialise(engine, env) {
  const [before, after, fixed] = ['in.wasm', 'out.wasm', 'fixed.wat'].map((name) => join(folder, name));
  const wasi = 'wasi_snapshot_preview1';
  const hidden = { random_get: [wasi, 'fixed'], clock_time_get: [wasi, 'fixed'] };
  writeFileSync(before, renameImports(fixSeeds(engine), hidden));
  copyFileSync(join(here, 'fixed.wat'), fixed);
  const wizer = require.resolve(`@bytecodealliance/wizer-${process.platform}-${process.arch}/wizer`);
  const done = spawnSync(
    wizer,
    [
      '--allow-wasi',
      '--init-func=componentize.wizer',
      `--preload=fixed=${fixed}`,
      `--mapdir=${INSIDE}::${join(folder, 'sources')}`,
      '--wasm-bulk-memory=true',
      '--inherit-env=true',
      `-o=${after}`,
      before,
    ],
    {
      env,
      input: `--initializer-script-path ${INSIDE}/bindings.js --strip-path-prefix / ${INSIDE}/main.js`,
      encoding: 'utf8',
      timeout: 300_000,
    },
  );
  if (done.error) throw done.error;
  const said = `${done.stdout}${done.stderr}`.trim();
  // What the adapter did wrong while it was built is printed, not always fatal.
  if (done.status !== 0 || said) throw new Error(`the adapter did not start:\n${said}`);
  const ready = readFileSync(after);
  const failed = ready.indexOf('wxmcp-bindings-failed: ');
  if (failed >= 0) throw new Error(ready.toString('utf8', failed, ready.indexOf('\n', failed)));
  const shown = { random_get: ['fixed', wasi], clock_time_get: ['fixed', wasi] };
  const kept = clearFileStatus(ready, CHANGED.seconds, CHANGED.nanoseconds);
  return renameImports(withoutModuleLoader(layMemoryOut(sealHeap(kept))), shown);
}

async function preview1() {
  const clocks = readFileSync(join(adapter, 'wit/deps/clocks.wit'), 'utf8');
  const witSource = `package wxmcp:preview1;
    ${clocks.replace(/^package (.*);$/m, 'package $1 {')} }
    world adapter {
      import wasi:clocks/wall-clock@0.2.10;
      import wasi:clocks/monotonic-clock@0.2.10;
    }`;
  const binary = await parse(readFileSync(join(here, 'preview1.wat'), 'utf8'));
  return componentEmbed({ binary, witSource, world: 'adapter', stringEncoding: 'utf8' });
}
