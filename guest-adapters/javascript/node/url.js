// `url`: the global classes, paths of files, and the older functions of the package `url`.

import { wrongType } from './errors.js';
import { need, packaged, provide } from './registry.js';
import { pathOfUrl, urlOfPath } from './url_paths.js';

const { Number, Object, URL, URLSearchParams, decodeURIComponent } = globalThis;

function pathToFileURL(path) {
  if (typeof path !== 'string') throw wrongType('path', 'of type string', path);
  const full = need('path').resolve(path);
  return urlOfPath(path.endsWith('/') && full !== '/' ? `${full}/` : full);
}

function format(legacy, url, { fragment = true, search = true, auth = true } = {}) {
  if (!(url instanceof URL)) return legacy(url);
  const copy = new URL(url.href);
  if (!fragment) copy.hash = '';
  if (!search) copy.search = '';
  if (!auth) copy.username = copy.password = '';
  return copy.href;
}

function urlToHttpOptions({ protocol, hostname, hash, search, pathname, href, port, username, password }) {
  const options = {
    __proto__: null,
    protocol,
    hostname: hostname.startsWith('[') ? hostname.slice(1, -1) : hostname,
    hash,
    search,
    pathname,
    path: `${pathname || ''}${search || ''}`,
    href,
  };
  if (port !== '') options.port = Number(port);
  if (username || password) options.auth = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return options;
}

/** A domain in ASCII, or ''. */
function domainToASCII(domain) {
  try {
    return new URL(`ws://${domain}`).hostname;
  } catch {
    return '';
  }
}

provide('url', () => {
  let legacy;
  const old = (name) => {
    const functions = {
      [name](...args) {
        legacy ??= packaged('url');
        return legacy[name](...args);
      },
    };
    return functions[name];
  };
  const url = {
    URL,
    URLSearchParams,
    fileURLToPath: pathOfUrl,
    pathToFileURL,
    fileURLToPathBuffer: (value) => need('buffer').Buffer.from(pathOfUrl(value)),
    urlToHttpOptions,
    domainToASCII,
    domainToUnicode: (domain) => need('punycode').toUnicode(domainToASCII(domain)),
    parse: old('parse'),
    resolve: old('resolve'),
    resolveObject: old('resolveObject'),
    format: (value, options) => format(old('format'), value, options),
  };
  Object.defineProperty(url, 'Url', { get: () => packaged('url').Url, enumerable: true, configurable: true });
  return url;
});

