import Table from 'cli-table3';

const plain = { style: { head: [], border: [] } };
const table = new Table({ head: ['Name', 'Size'], colWidths: [12, 8], colAligns: ['left', 'right'], ...plain });
table.push(['alpha', 1], ['a name that is long', 22], [{ colSpan: 2, content: 'both', hAlign: 'center' }], ['日本', 'é']);
console.log(table.toString());
const vertical = new Table(plain);
vertical.push({ key: 'value' }, { other: ['1', '2'] });
console.log(vertical.toString());
const wrapped = new Table({ colWidths: [10, 10], wordWrap: true, chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' }, ...plain });
wrapped.push(['some words to wrap', 'x'], [{ rowSpan: 2, content: 'tall' }, '1'], ['2']);
console.log(wrapped.toString(), JSON.stringify(new Table({ head: ['h'] }).toString()));
