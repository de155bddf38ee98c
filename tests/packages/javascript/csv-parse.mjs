import { Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import { parse as parseSync } from 'csv-parse/sync';

const text = '\ufeffname,size\n"Ann, ""A""",1.5\n# note\nbob , 2\n\n';
const records = parseSync(text, { columns: true, skip_empty_lines: true, trim: true, bom: true, comment: '#', cast: (value, context) => (context.column === 'size' && !context.header ? Number(value) : value) });
console.log(records, parseSync('a|b\n1|2', { delimiter: '|', from_line: 2 }), parseSync('a,b\n1', { relax_column_count: true }));
for (const bad of ['a,b\n1,2,3', 'a"b,c', '"open']) {
  try {
    parseSync(bad);
  } catch (error) {
    console.log(error instanceof CsvError, error.code, error.message);
  }
}
const rows = [];
for await (const row of Readable.from(['a,b\n1,', '2\n3,4']).pipe(parse({ columns: (header) => header.map((name) => name.toUpperCase()), info: true }))) rows.push([row.record, row.info.lines]);
console.log(rows);
parse('x;y\n1;2', { delimiter: [',', ';'], to: 1 }, (error, output) => console.log(error, output));
