// Answers what the converter of JavaScript makes of values: `runtime/catalogue` holds it
// against its own. What goes in and out is said in `convert.py`.

import { createInterface } from 'node:readline';
import { setFlagsFromString } from 'node:v8';
import { Interface, Misfit, camel, read, write } from '../javascript/wxmcp-adapter/convert.js';

// The engine of the guest has it, node 20 only by this flag.
JSON.parse('1', (key, value, context) => {
  if (context === undefined) setFlagsFromString('--harmony-json-parse-with-source');
});

/** A typed value, in words that tell each from every other. */
function told(layout, of, value) {
  if (of === 'f64') {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleBE(typeof value === 'number' ? value : NaN);
    return ['f64', bytes.toString('hex')];
  }
  if (of === 's64' || of === 'u64') return [of, typeof value === 'bigint' ? `${value}` : value];
  if (typeof of === 'string') return [of, value];
  const [kind, inner] = Object.entries(of)[0];
  if (kind === 'option') return value === undefined ? ['none'] : ['some', told(layout, inner, value)];
  if (kind === 'map') return ['list', value.map(([name, it]) => ['tuple', [['string', name], told(layout, inner, it)]])];
  if (kind === 'list') return ['list', value.map((it) => told(layout, inner, it))];
  if (kind === 'tuple') return ['tuple', inner.map((type, i) => told(layout, type, value[i]))];
  const definition = layout.definitions[inner];
  if (definition.record) return ['record', fields(layout, definition.record, (label) => value[camel(label)])];
  if (definition.enum) return ['enum', value];
  if (definition.flags) {
    return ['flags', definition.flags.map(({ label }) => label).filter((label) => value[camel(label)] === true)];
  }
  const found = definition.variant.find(({ label }) => label === value.tag);
  return ['variant', value.tag, told(layout, found.of, value.val)];
}

function fields(layout, { members, others }, take) {
  const found = members.map(({ label, of, required }) => [
    label,
    told(layout, required ? of : { option: of }, take(label)),
  ]);
  if (others !== null) found.push([others.label, told(layout, { map: others.of }, take(others.label))]);
  return found;
}

function answered(layout, types, kind, text) {
  const [{ answer, arguments: record }] = layout.functions;
  try {
    const given = read(text);
    if (kind === 'answer') {
      const value = types.value(answer, given);
      return { value: told(layout, answer, value), back: write(types.plain(answer, value)) };
    }
    const values = types.parameters(record, given);
    const back = write(types.arguments(record, values));
    if (record === null) return { value: [['json', values[0]]], back };
    let next = 0;
    return { value: fields(layout, record, () => values[next++]).map(([, value]) => value), back };
  } catch (error) {
    if (error instanceof Misfit) return { error: `${error}` };
    throw error;
  }
}

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  const { layout, cases } = read(line);
  const types = new Interface(layout);
  for (const [kind, text] of cases) console.log(JSON.stringify(answered(layout, types, kind, text)));
}
