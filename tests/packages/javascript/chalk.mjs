import chalk, { Chalk, chalkStderr, supportsColor } from 'chalk';

console.log(chalk.red('plain'), chalk.level, supportsColor, chalkStderr.level);
const color = new Chalk({ level: 3 });
console.log(JSON.stringify([color.red.bold('a'), color.bgBlue.white(`b ${color.green('c')} d`), color.hex('#ff8800')('e'), color.rgb(1, 2, 3).underline('f')]));
console.log(JSON.stringify(new Chalk({ level: 1 }).hex('#ff8800')('x\ny')), JSON.stringify(new Chalk({ level: 2 }).ansi256(200)('z')));
console.log(color.dim.strikethrough.inverse('many').length, chalk.visible('seen').length, typeof color.yellow);
try {
  new Chalk({ level: 9 });
} catch (error) {
  console.log(error.message);
}
