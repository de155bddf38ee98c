// `node:path`, the little of it that tests need until all of it is there.

function normalize(path) {
  const parts = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (part !== '..' || !path.startsWith('/')) parts.push(part);
  }
  return (path.startsWith('/') ? '/' : '') + parts.join('/') || '.';
}

const dirname = (path) => path.slice(0, Math.max(path.lastIndexOf('/'), path.startsWith('/') ? 1 : 0)) || '.';
const extname = (path) => /[^/](\.[^./]*)$/.exec(path)?.[1] ?? '';
const basename = (path, end = '') => {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return end !== '' && name.endsWith(end) ? name.slice(0, -end.length) : name;
};
const join = (...parts) => normalize(parts.filter((part) => part !== '').join('/'));
const resolve = (...parts) => normalize(parts.reduce((all, part) => (part.startsWith('/') ? part : `${all}/${part}`), '/'));

export const path = { basename, dirname, extname, join, normalize, resolve, sep: '/', delimiter: ':' };
