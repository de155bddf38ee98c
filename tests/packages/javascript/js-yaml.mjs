import * as yaml from 'js-yaml';

const text = 'name: demo\ntags: [a, "b: c"]\nnested: {x: 1, y: 2.5, z: null, on: true}\ndate: 2024-05-06\ntext: |\n  one\n  two\nfolded: >-\n  a\n  b\nbase: &base {k: v}\nagain: *base\nhex: 0x1F\n';
console.log(yaml.load(text));
console.log(yaml.dump({ b: [1, { c: 'é\n' }], a: 'yes', empty: [], n: null, long: 'word '.repeat(20).trim() }, { sortKeys: true, lineWidth: 60 }));
const documents = yaml.loadAll('a: 1\n---\nb: 2\n');
console.log(documents, yaml.load('1_000'), yaml.dump('multi\nline'), yaml.dump({ a: 1.0, b: '1' }, { flowLevel: 0 }));
for (const bad of ['a: [1, 2\nb: }', 'a: 1\na: 2', '\tx: 1', 'a: !unknown 1']) {
  try {
    yaml.load(bad);
  } catch (error) {
    console.log(error.name, error.message);
  }
}
