// `querystring`.

import { provide } from './registry.js';

const { Array, Infinity, Object, String, decodeURIComponent, encodeURIComponent, isFinite, parseInt } = globalThis;

function unescape(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text.replace(/(%[0-9a-f]{2})+/gi, (part) => {
      try {
        return decodeURIComponent(part);
      } catch {
        return part.split('%').slice(1).map((hex) => String.fromCharCode(parseInt(hex, 16))).join('').replace(/[\x80-\xff]/g, '\ufffd');
      }
    });
  }
}

function escape(value) {
  return encodeURIComponent(typeof value === 'string' ? value : typeof value === 'object' ? String(value) : `${value}`);
}

function plain(value) {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return isFinite(value) ? `${value}` : '';
  if (typeof value === 'bigint' || typeof value === 'boolean') return `${value}`;
  return '';
}

function stringify(object, separator, equals, options) {
  const [sep, eq] = [separator || '&', equals || '='];
  const encode = options?.encodeURIComponent ?? querystring.escape;
  if (object === null || typeof object !== 'object') return '';
  const parts = [];
  for (const key of Object.keys(object)) {
    const name = encode(plain(key)) + eq;
    const value = object[key];
    if (Array.isArray(value)) for (const one of value) parts.push(name + encode(plain(one)));
    else parts.push(name + encode(plain(value)));
  }
  return parts.join(sep);
}

function parse(text, separator, equals, options) {
  const found = { __proto__: null };
  if (typeof text !== 'string' || text.length === 0) return found;
  const [sep, eq] = [separator || '&', equals || '='];
  const decode = options?.decodeURIComponent ?? querystring.unescape;
  const most = options?.maxKeys > 0 ? options.maxKeys : options?.maxKeys === 0 ? Infinity : 1000;
  const read = (part) => {
    const spaced = part.replaceAll('+', ' ');
    try {
      return decode(spaced);
    } catch {
      return unescape(spaced);
    }
  };
  const parts = text.split(sep);
  for (let i = 0; i < parts.length && i < most; i++) {
    if (parts[i] === '') continue;
    const at = parts[i].indexOf(eq);
    const name = read(at < 0 ? parts[i] : parts[i].slice(0, at));
    const value = at < 0 ? '' : read(parts[i].slice(at + eq.length));
    if (!(name in found)) found[name] = value;
    else if (Array.isArray(found[name])) found[name].push(value);
    else found[name] = [found[name], value];
  }
  return found;
}

const querystring = { unescape, escape, stringify, encode: stringify, parse, decode: parse };

provide('querystring', () => querystring);
