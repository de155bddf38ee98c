import { Argument, Command, InvalidArgumentError, Option } from 'commander';

const program = new Command();
const number = (text) => {
  if (Number.isNaN(Number(text))) throw new InvalidArgumentError('Not a number.');
  return Number(text);
};
program.name('tool').description('A tool').version('1.2.3').exitOverride();
program.configureOutput({ writeOut: (text) => console.log('out', text), writeErr: (text) => console.log('err', text) });
program
  .command('build <dir> [rest...]')
  .description('Build DIR')
  .option('-n, --count <n>', 'how often', number, 1)
  .option('--no-color', 'plain')
  .addOption(new Option('-m, --mode <mode>', 'which').choices(['fast', 'safe']).default('safe'))
  .action((dir, rest, options) => console.log(dir, rest, options));
program.command('serve').addArgument(new Argument('<port>', 'a port').argParser(number)).action(async (port) => console.log('serve', port));
for (const line of ['build src a b -n 3 --no-color', 'build src -m slow', 'build src -n x', 'build', '--version', 'help build', 'sevre 1', 'serve 80']) {
  try {
    await program.parseAsync(['node', 'tool', ...line.split(' ')]);
  } catch (error) {
    console.log(error.code, error.exitCode);
  }
}
