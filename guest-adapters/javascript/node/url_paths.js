// Paths and `file:` URLs.

import { typeError, wrongType } from './errors.js';

const { Object, URL, decodeURIComponent, encodeURI } = globalThis;

/** The path of a `file:` URL. */
export function pathOfUrl(value) {
  let url = value;
  if (typeof value === 'string') {
    try {
      url = new URL(value);
    } catch {
      throw Object.assign(typeError('ERR_INVALID_URL', 'Invalid URL'), { input: value });
    }
  } else if (!(value instanceof URL)) {
    throw wrongType('path', 'of type string or an instance of URL', value);
  }
  if (url.protocol !== 'file:') throw typeError('ERR_INVALID_URL_SCHEME', 'The URL must be of scheme file');
  if (url.hostname !== '' && url.hostname !== 'localhost') {
    throw typeError('ERR_INVALID_FILE_URL_HOST', 'File URL host must be "localhost" or empty on linux');
  }
  if (/%2f/i.test(url.pathname)) throw typeError('ERR_INVALID_FILE_URL_PATH', 'File URL path must not include encoded / characters');
  return decodeURIComponent(url.pathname);
}

/** The `file:` URL of an absolute path. */
export function urlOfPath(path) {
  const url = new URL('file:///');
  url.pathname = encodeURI(path).replaceAll('?', '%3F').replaceAll('#', '%23');
  return url;
}
