import { Readable } from 'node:stream';
import Papa from 'papaparse';

const text = 'name,size,ok\n"Ann, ""A""",1.5,true\nbob,,false\n"two\nlines",3,x\n';
const result = Papa.parse(text, { header: true, dynamicTyping: true, skipEmptyLines: true });
console.log(result.data, result.errors, result.meta.fields, result.meta.delimiter, JSON.stringify(result.meta.linebreak));
console.log(Papa.parse('a;b\n1;2;3\n"x', { header: true }).errors.map((error) => [error.code, error.row]), Papa.parse('a\tb\n1\t2').data);
console.log(JSON.stringify(Papa.unparse([{ a: 1, b: 'x,y' }, { a: null, b: 'q"q' }], { delimiter: ';' })), Papa.unparse({ fields: ['a'], data: [[1], [true]] }));
const steps = [];
Papa.parse('a,b\n1,2\n3,4\n5,6', { header: true, step: (row, parser) => { steps.push(row.data); if (steps.length === 2) parser.abort(); } });
console.log(steps, Papa.parse('# c\n1,2', { comments: '#', transform: (value) => value + '!' }).data);
await new Promise((resolve) => Papa.parse(Readable.from(['a,b\n1', ',2\n3,4']), { header: true, complete: (all) => resolve(console.log(all.data)) }));
const rows = [];
for await (const row of Readable.from(['x,y\n', '1,2\n']).pipe(Papa.parse(Papa.NODE_STREAM_INPUT, { header: true }))) rows.push(row);
console.log(rows);
