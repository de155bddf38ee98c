import yargs from 'yargs/yargs';
import { hideBin } from 'yargs/helpers';

console.log(hideBin(['node', 'script', 'a', '--b']));
const make = (line) => yargs(line.split(' ').filter(Boolean))
  .scriptName('tool')
  .usage('$0 <command> [options]')
  .command('build <dir> [rest..]', 'Build DIR', (build) => build.positional('dir', { type: 'string' }).option('count', { alias: 'n', type: 'number', default: 1, describe: 'how often' }), (argv) => console.log('build', argv.dir, argv.rest, argv.count))
  .command({ command: 'serve', describe: 'Serve', builder: { port: { demandOption: true, type: 'number' } }, handler: async (argv) => console.log('serve', argv.port) })
  .option('mode', { choices: ['fast', 'safe'], default: 'safe' })
  .check((argv) => { if (argv.n > 5) throw new Error('too often'); return true; })
  .strict().demandCommand(1, 'Name a command.').version('1.2.3').wrap(72).locale('en').help().exitProcess(false).showHelpOnFail(false).fail(false);
for (const line of ['build src a b -n 3', 'serve --port 80', 'serve', 'build src --mode slow', 'build src -n 9', '', 'build x --other']) {
  try {
    await make(line).parseAsync();
  } catch (error) {
    console.log(line, '|', error.message);
  }
}
console.log(await make('').getHelp());
console.log(yargs('--a.b 1 --c x --c y --no-d -vv 0x10').scriptName('tool').help(false).version(false).count('v').parseSync());
