import minimist from 'minimist';

console.log(minimist(['-x', '3', '-abc', '--long=value', '--flag', '--no-color', 'file', '--', '--rest']));
console.log(minimist(['--name', '007', '-v', 'a', '-n5', '--list', '1', '--list', '2'], { string: ['name'], boolean: ['v'], alias: { n: 'number' }, default: { mode: 'r' } }));
console.log(minimist(['--a.b.c', '1', '--0x1F', 'z', '1e3'], { '--': true }), minimist(['cmd', '--x'], { stopEarly: true }), minimist(['--bad'], { unknown: (name) => { console.log('unknown', name); return false; } }));
console.log(minimist(['--__proto__.x', '1']), {}.x);
