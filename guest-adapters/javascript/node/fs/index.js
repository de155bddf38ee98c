// `fs` and `fs/promises`, over the mounts and the run's own folders.

import { refuses } from '../errors.js';
import { need, provide } from '../registry.js';
import { constants } from './core.js';
import { callbacks, promises, sync } from './later.js';
import { Dirent, Stats } from './stats.js';
import { streams } from './streams.js';
import { Dir } from './tree.js';

const { Blob, Object } = globalThis;

const UNWATCHED = 'nothing tells it of changes; read the file again instead';

provide('fs/promises', promises);

provide('fs', () => {
  const fs = { ...callbacks(), ...sync, constants, Dir, Dirent, Stats };
  for (const name of ['F_OK', 'R_OK', 'W_OK', 'X_OK']) fs[name] = constants[name];
  for (const name of ['watch', 'watchFile']) fs[name] = refuses(`fs.${name}`, UNWATCHED);
  fs.unwatchFile = () => {};
  fs.openAsBlob = async (path, options = {}) => new Blob([sync.readFileSync(path)], options);
  lazily(fs, 'promises', () => need('fs/promises'));
  let made;
  const classes = () => (made ??= streams());
  for (const name of ['ReadStream', 'WriteStream']) lazily(fs, name, () => classes()[name]);
  fs.createReadStream = (path, options) => new (classes().ReadStream)(path, options);
  fs.createWriteStream = (path, options) => new (classes().WriteStream)(path, options);
  return fs;
});

/** A property whose value is made when it is first read. */
function lazily(object, name, make) {
  Object.defineProperty(object, name, {
    get() {
      const value = make();
      Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
      return value;
    },
    set(value) {
      Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
    },
    enumerable: true,
    configurable: true,
  });
}

