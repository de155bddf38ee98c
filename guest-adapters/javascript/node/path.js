// `path`, as on Linux.

import { refuses } from './errors.js';
import { need, packaged, provide } from './registry.js';

provide('path', () => {
  const path = packaged('path');
  path.posix = path;
  path.win32 = windows(path);
  path._makeLong = path.toNamespacedPath = (name) => name;
  path.matchesGlob = refuses('path.matchesGlob', 'match the names yourself');
  return path;
});
provide('path/posix', () => need('path'));
provide('path/win32', () => need('path').win32);

/** Names of another system: what only looks at the separators works. */
function windows(posix) {
  const slashed = (name) => name.replaceAll('\\', '/');
  const back = (name) => name.replaceAll('/', '\\');
  const found = {
    sep: '\\',
    delimiter: ';',
    basename: (name, suffix) => posix.basename(slashed(name), suffix),
    extname: (name) => posix.extname(slashed(name)),
    dirname: (name) => back(posix.dirname(slashed(name))),
    join: (...names) => back(posix.join(...names.map(slashed))),
    normalize: (name) => back(posix.normalize(slashed(name))),
    isAbsolute: (name) => /^([A-Za-z]:)?[\\/]/.test(name),
    toNamespacedPath: (name) => name,
    posix,
  };
  for (const name of ['resolve', 'relative', 'parse', 'format']) {
    found[name] = refuses(`path.win32.${name}`, 'paths here are those of Linux');
  }
  found.win32 = found;
  return found;
}
