import { MAX, NIL, parse, stringify, v1, v3, v4, v5, v7, validate, version } from 'uuid';

console.log(v5('example.com', v5.DNS), v3('http://e.com', v3.URL), v5('x', '1b671a64-40d5-491e-99b0-da01ff1f3341'));
console.log([v1(), v4(), v7()].map((id) => [validate(id), version(id), id.length]), new Set(Array.from({ length: 100 }, () => v4())).size);
console.log(v4({ random: new Uint8Array(16).fill(7) }), v7({ msecs: 1714979289000, random: new Uint8Array(16).fill(9), seq: 1 }), v1({ node: [1, 2, 3, 4, 5, 6], clockseq: 7, msecs: 1e12, nsecs: 8 }));
console.log(NIL, MAX, validate('x'), [...parse('6ba7b810-9dad-11d1-80b4-00c04fd430c8')], stringify(parse('6ba7b810-9dad-11d1-80b4-00c04fd430c8')));
try {
  parse('nothing');
} catch (error) {
  console.log(error.name, error.message);
}
