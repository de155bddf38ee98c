// `child_process`: there are no programs, which it says as Linux does of one that is not installed.

import { process } from '../process.js';
import { immediate } from '../timers.js';
import { note, withProperties, wrongType, wrongValue } from './errors.js';
import { need, provide } from './registry.js';

const { Array, Error, Object, Promise, Symbol } = globalThis;

const NOTE = 'there are no programs in the sandbox: call a tool for what this one does, or use the modules of Node that are here';

function noted(error) {
  note(error, NOTE);
  return error;
}

function needCommand(command, name) {
  // The name of an empty one is that of the function which they all end in.
  if (typeof command !== 'string') throw wrongType(name, 'of type string', command);
  if (command === '') throw wrongValue('file', command, 'cannot be empty');
}

/** `spawn git ENOENT`. */
function missing(syscall, file, args) {
  const text = `${syscall} ${file}`;
  return noted(withProperties(new Error(`${text} ENOENT`), { errno: -2, code: 'ENOENT', syscall: text, path: file, spawnargs: args }));
}

/** What a shell says: the first word is not found. */
function shellError(command) {
  const word = /^\s*(?:[A-Za-z_]\w*=\S*\s+)*["']?([^\s"';|&<>()]+)/.exec(command)?.[1] ?? command;
  return `/bin/sh: 1: ${word}: not found\n`;
}

function argumentsOf(args, options) {
  if (args !== undefined && args !== null && !Array.isArray(args)) return [[], args];
  return [args ?? [], options ?? {}];
}

/** Bytes or a text, as `encoding` says. */
function output(text, encoding) {
  return encoding === undefined || encoding === null || encoding === 'buffer' ? need('buffer').Buffer.from(text) : text;
}

function commandLine(file, args) {
  return [file, ...args].join(' ');
}

function spawnSync(file, args, options) {
  [args, options] = argumentsOf(args, options);
  needCommand(file, 'file');
  if (options.shell) {
    const text = shellError(file);
    const inherits = options.stdio === 'inherit' || options.stdio?.[2] === 'inherit';
    if (inherits) process.stderr.write(text);
    const [stdout, stderr] = [output('', options.encoding), inherits ? null : output(text, options.encoding)];
    return { pid: 2, output: [null, stdout, stderr], stdout, stderr, status: 127, signal: null };
  }
  const error = missing('spawnSync', file, args);
  return { error, status: null, signal: null, output: null, pid: 0, stdout: null, stderr: null };
}

function execSync(command, options = {}) {
  needCommand(command, 'command');
  const told = spawnSync(command, [], { ...options, shell: true });
  if (told.stderr !== null && options.stdio === undefined) process.stderr.write(told.stderr);
  const text = shellError(command);
  const { status, signal, output, pid, stdout, stderr } = told;
  const failure = told.stderr === null ? `Command failed: ${command}` : `Command failed: ${command}\n${text}`;
  throw noted(Object.assign(new Error(failure), { status, signal, output, pid, stdout, stderr }));
}

function execFileSync(file, args, options) {
  [args, options] = argumentsOf(args, options);
  const told = spawnSync(file, args, options);
  if (told.error !== undefined) {
    const { status, signal, output, pid, stdout, stderr } = told;
    throw Object.assign(told.error, { error: told.error, status, signal, output, pid, stdout, stderr });
  }
  return execSync(commandLine(file, args), options);
}

let ChildProcess;

/** A process that did not start, or a shell that found no program. */
function begun(file, args, options) {
  ChildProcess ??= class ChildProcess extends need('events') {
    kill() {
      return false;
    }
    send() {
      return false;
    }
    disconnect() {}
    ref() {}
    unref() {}
  };
  const { PassThrough, Writable } = need('stream');
  const child = new ChildProcess();
  const text = options.shell ? shellError(file) : '';
  const inherits = options.stdio === 'inherit';
  Object.assign(child, {
    pid: options.shell ? 2 : undefined,
    connected: false,
    killed: false,
    exitCode: null,
    signalCode: null,
    spawnfile: options.shell ? '/bin/sh' : file,
    spawnargs: options.shell ? ['/bin/sh', '-c', commandLine(file, args)] : [file, ...args],
    stdin: inherits ? null : new Writable({ write: (chunk, encoding, done) => done() }),
    stdout: inherits ? null : new PassThrough(),
    stderr: inherits ? null : new PassThrough(),
  });
  child.stdio = [child.stdin, child.stdout, child.stderr];
  immediate(() => {
    const error = options.shell ? undefined : missing('spawn', file, args);
    if (error === undefined) child.emit('spawn');
    else child.emit('error', error);
    if (inherits && text !== '') process.stderr.write(text);
    child.stdout?.end();
    child.stderr?.end(text);
    child.exitCode = error === undefined ? 127 : -2;
    if (error === undefined) child.emit('exit', 127, null);
    immediate(() => child.emit('close', child.exitCode, null), []);
  }, []);
  return child;
}

function spawn(file, args, options) {
  [args, options] = argumentsOf(args, options);
  needCommand(file, 'file');
  return begun(file, args, options);
}

function fork(path, args, options) {
  [args, options] = argumentsOf(args, options);
  return begun(process.execPath, [path, ...args], options);
}

function exec(command, options, callback) {
  if (typeof options === 'function') [options, callback] = [{}, options];
  needCommand(command, 'command');
  const child = begun(command, [], { ...options, shell: true });
  const text = shellError(command);
  const error = noted(withProperties(new Error(`Command failed: ${command}\n${text}`), { code: 127, killed: false, signal: null, cmd: command }));
  child.once('close', () => callback?.(error, output('', options?.encoding ?? 'utf8'), output(text, options?.encoding ?? 'utf8')));
  return child;
}

function execFile(file, ...rest) {
  const callback = typeof rest.at(-1) === 'function' ? rest.pop() : undefined;
  const [args, options] = argumentsOf(rest[0], rest[1]);
  needCommand(file, 'file');
  if (options.shell) return exec(commandLine(file, args), options, callback);
  const child = begun(file, args, options);
  child.once('error', (error) => {
    Object.assign(error, { cmd: commandLine(file, args) });
    callback?.(error, '', '');
  });
  return child;
}

/** What `util.promisify` makes of `exec` and `execFile`: {stdout, stderr}, which the error has too. */
function promised(act) {
  return (...args) => {
    let child;
    const promise = new Promise((resolve, reject) => {
      child = act(...args, (error, stdout, stderr) => {
        if (error) reject(Object.assign(error, { stdout, stderr }));
        else resolve({ stdout, stderr });
      });
    });
    promise.child = child;
    return promise;
  };
}

const custom = Symbol.for('nodejs.util.promisify.custom');
Object.defineProperty(exec, custom, { value: promised(exec) });
Object.defineProperty(execFile, custom, { value: promised(execFile) });

provide('child_process', () => {
  const found = { exec, execFile, execFileSync, execSync, fork, spawn, spawnSync };
  Object.defineProperty(found, 'ChildProcess', {
    get() {
      if (ChildProcess === undefined) begun('true', [], {}).on('error', () => {});
      return ChildProcess;
    },
    enumerable: true,
    configurable: true,
  });
  return found;
});
