// `path`, as on Linux.

import { refuses, wrongType } from './errors.js';
import { need, packaged, provide } from './registry.js';

const { TypeError } = globalThis;

provide('path', () => {
  const path = packaged('path');
  for (const name of ['resolve', 'normalize', 'isAbsolute', 'join', 'relative', 'dirname', 'basename', 'extname', 'parse', 'format']) {
    path[name] = checked(name, path[name]);
  }
  path.posix = path;
  path.win32 = windows(path);
  path._makeLong = path.toNamespacedPath = (name) => name;
  path.matchesGlob = refuses('path.matchesGlob', 'match the names yourself');
  return path;
});
provide('path/posix', () => need('path'));
provide('path/win32', () => need('path').win32);

/** The package's function, with Node's words for what is no text. */
function checked(name, act) {
  const functions = {
    [name](...args) {
      // The package writes an extension as it is given.
      if (name === 'format' && typeof args[0]?.ext === 'string' && args[0].ext !== '' && args[0].ext[0] !== '.') {
        args[0] = { ...args[0], ext: `.${args[0].ext}` };
      }
      try {
        return act(...args);
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
        if (name === 'format') throw wrongType('pathObject', 'of type object', args[0]);
        if (name === 'relative') throw wrongType(typeof args[0] === 'string' ? 'to' : 'from', 'of type string', args.find(isNoText));
        const isSuffix = name === 'basename' && typeof args[0] === 'string';
        throw wrongType(isSuffix ? 'suffix' : name === 'resolve' ? `paths[${args.findIndex(isNoText)}]` : 'path', 'of type string', args.find(isNoText));
      }
    },
  };
  return functions[name];
}

function isNoText(value) {
  return typeof value !== 'string';
}

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
