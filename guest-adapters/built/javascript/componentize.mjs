// Makes a component of the sources beside it: `node componentize.mjs MODULE OUT`, where
// MODULE is the file of componentize-js. Run in the folder that holds `entry.js` and `wit`.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cwd, argv } from 'node:process';
import { pathToFileURL } from 'node:url';

const [, , module, out] = argv;
const { componentize } = await import(pathToFileURL(module).href);
const { component } = await componentize({
  sourcePath: join(cwd(), 'entry.js'),
  witPath: join(cwd(), 'wit'),
  worldName: 'script',
  disableFeatures: ['http', 'fetch-event'],
});
writeFileSync(out, component);
