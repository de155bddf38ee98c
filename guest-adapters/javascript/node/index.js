// The modules of Node, for `require` and `import`: see `builtin`.

import './buffer.js';
import './events.js';
import './util.js';
import './path.js';
import './fs/index.js';
import './os.js';
import './url.js';
import './crypto/index.js';
import './stream.js';
import './process.js';
import './child_process.js';
import './sockets.js';
import './http/index.js';
import './readline.js';
import './assert.js';
import './querystring.js';
import './timers.js';
import './zlib.js';
import './diagnostics.js';
import './small.js';
import './refused.js';
import { names, need } from './registry.js';

/** The module of that name, without `node:`; undefined where Node has none. */
export { need as builtin, names };
