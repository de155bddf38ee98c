// `os`: a small machine with Linux.

import { process } from '../process.js';
import { now } from '../primordials.js';
import { refuses } from './errors.js';
import { memory } from './process.js';
import { provide } from './registry.js';

const { Math, Object } = globalThis;

const SIGNALS =
  'HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS';
const signals = Object.fromEntries(SIGNALS.split(' ').map((name, i) => [`SIG${name}`, i + 1]));
signals.SIGIOT = 6;
signals.SIGPOLL = 29;

const errno = {
  E2BIG: 7, EACCES: 13, EADDRINUSE: 98, EADDRNOTAVAIL: 99, EAGAIN: 11, EBADF: 9, EBUSY: 16, ECANCELED: 125, ECHILD: 10,
  ECONNABORTED: 103, ECONNREFUSED: 111, ECONNRESET: 104, EDOM: 33, EDQUOT: 122, EEXIST: 17, EFAULT: 14, EFBIG: 27,
  EHOSTUNREACH: 113, EINTR: 4, EINVAL: 22, EIO: 5, EISDIR: 21, ELOOP: 40, EMFILE: 24, EMLINK: 31, ENAMETOOLONG: 36, ENFILE: 23,
  ENODEV: 19, ENOENT: 2, ENOEXEC: 8, ENOMEM: 12, ENOSPC: 28, ENOSYS: 38, ENOTDIR: 20, ENOTEMPTY: 39, ENOTSUP: 95, ENOTTY: 25,
  ENXIO: 6, EPERM: 1, EPIPE: 32, ERANGE: 34, EROFS: 30, ESPIPE: 29, ESRCH: 3, ETIMEDOUT: 110, ETXTBSY: 26, EXDEV: 18,
};

const constants = {
  UV_UDP_REUSEADDR: 4,
  dlopen: { RTLD_LAZY: 1, RTLD_NOW: 2, RTLD_GLOBAL: 256, RTLD_LOCAL: 0, RTLD_DEEPBIND: 8 },
  errno,
  signals,
  priority: { PRIORITY_LOW: 19, PRIORITY_BELOW_NORMAL: 10, PRIORITY_NORMAL: 0, PRIORITY_ABOVE_NORMAL: -7, PRIORITY_HIGH: -14, PRIORITY_HIGHEST: -20 },
};

const TOTAL = 256 << 20;
const of = (name) => process.env?.[name];

provide('os', () => ({
  EOL: '\n',
  devNull: '/dev/null',
  constants,
  arch: () => 'x64',
  availableParallelism: () => 1,
  cpus: () => [{ model: 'WebAssembly', speed: 1000, times: { user: 0, nice: 0, sys: 0, idle: 0, irq: 0 } }],
  endianness: () => 'LE',
  freemem: () => Math.max(TOTAL - memory().rss, 16 << 20),
  getPriority: () => 0,
  homedir: () => of('HOME') ?? '/',
  hostname: () => of('HOSTNAME') ?? 'localhost',
  loadavg: () => [0, 0, 0],
  machine: () => 'x86_64',
  networkInterfaces: () => ({}),
  platform: () => 'linux',
  release: () => '6.1.0',
  setPriority: refuses('os.setPriority', 'it has no processes'),
  tmpdir() {
    const path = of('TMPDIR') || of('TMP') || of('TEMP') || '/tmp';
    return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
  },
  totalmem: () => TOTAL,
  type: () => 'Linux',
  uptime: () => now() / 1000,
  userInfo: () => ({ uid: 1000, gid: 1000, username: of('USER') ?? 'user', homedir: of('HOME') ?? '/', shell: '/bin/sh' }),
  version: () => '#1 SMP',
}));

