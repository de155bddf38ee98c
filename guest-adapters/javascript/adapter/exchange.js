// One request and its answer as the host knows them: what `node:http` is made of. `fetch` has rules of its own around it.

import { toBase64 } from './base64.js';
import { join, push } from './primordials.js';
import { HTTP, begin } from './seam.js';
import { quoted } from './values.js';

/**
 * Sends a request: `headers` are pairs of texts, `body` is {text}, {bytes} or undefined.
 *
 * Answers {promise, abandon}. The promise gives the host's {status, reason, headers, text or bytes}, and is rejected with
 * its {kind, message, data?}. Redirects are not followed.
 */
export function exchange(url, method, headers, body) {
  const pairs = [];
  for (let i = 0; i < headers.length; i++) push(pairs, `[${quoted(headers[i][0])},${quoted(headers[i][1])}]`);
  let content = '';
  if (body?.text !== undefined) content = `,"text":${quoted(body.text)}`;
  else if (body !== undefined) content = `,"bytes":${quoted(toBase64(body.bytes))}`;
  return begin(HTTP, `{"url":${quoted(url)},"method":${quoted(method)},"redirect":"manual","headers":[${join(pairs, ',')}]${content}}`);
}
