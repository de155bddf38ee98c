// What the engine is made without: properties in regular expressions, normal forms of text, `Intl`.

import * as regexp from './regexp.js';

export function install(global) {
  regexp.install(global);
}
