import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { escape, Glob, glob, globStream, globSync, hasMagic } from 'glob';

const cwd = mkdtempSync(join(tmpdir(), 'glob-'));
mkdirSync(join(cwd, 'src/deep'), { recursive: true });
mkdirSync(join(cwd, 'node_modules/x'), { recursive: true });
for (const name of ['a.js', 'src/b.js', 'src/b.test.js', 'src/deep/c.ts', 'src/.hidden.js', 'node_modules/x/i.js', 'README.md']) writeFileSync(join(cwd, name), 'x');
console.log((await glob('**/*.js', { cwd, ignore: 'node_modules/**' })).sort());
console.log(globSync('**/*.{ts,md}', { cwd }).sort(), globSync('src/*', { cwd, dot: true, nodir: true }).sort());
console.log(globSync('src/!(*.test).js', { cwd }), globSync('s*/', { cwd, mark: true }), globSync('none/*', { cwd }));
const found = [];
for await (const name of globStream('src/**', { cwd, maxDepth: 2 })) found.push(name);
console.log(found.sort());
console.log([...new Glob('[ar]*', { cwd, withFileTypes: true, nocase: true })].map((path) => [path.name, path.isFile()]).sort(), hasMagic('a*'), escape('a*[b]'));
