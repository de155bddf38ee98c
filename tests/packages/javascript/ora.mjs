import { Writable } from 'node:stream';
import ora, { oraPromise, spinners } from 'ora';

const written = [];
const stream = new Writable({ write(chunk, encoding, done) { written.push(String(chunk)); done(); } });
const spinner = ora({ text: 'Loading', stream, isEnabled: false, color: 'yellow' }).start();
console.log(spinner.isSpinning, spinner.text, spinner.isEnabled);
spinner.text = 'More';
spinner.succeed('Done');
ora({ stream, isEnabled: false }).start('Second').fail();
ora({ stream, isEnabled: false, prefixText: 'pre' }).warn('careful').info('note');
await oraPromise(Promise.resolve(5), { text: 'Waiting', stream, isEnabled: false, successText: (value) => `got ${value}` });
await oraPromise(Promise.reject(new Error('no')), { text: 'Failing', stream, isEnabled: false }).catch((error) => console.log(error.message));
console.log(written, Object.keys(spinners).length > 50);
ora('standard').start().stop();
