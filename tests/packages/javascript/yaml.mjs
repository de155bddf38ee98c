import YAML, { Document, isMap, parseAllDocuments, parseDocument, stringify, visit } from 'yaml';

const text = '# top\nname: demo # trailing\nlist:\n  - 1\n  - two\nmap: { a: 1, b: [x, y] }\nbase: &b { k: v }\nmerged: { <<: *b, m: n }\ntext: |\n  one\n  two\nbig: 12345678901234567890\n';
console.log(YAML.parse(text, { merge: true }), YAML.parse('12345678901234567890', { intAsBigInt: true }));
const document = parseDocument(text);
document.set('name', 'new');
document.addIn(['list'], { deep: true });
document.deleteIn(['map', 'a']);
document.commentBefore = ' changed';
console.log(String(document), isMap(document.contents), document.getIn(['list', 1]));
visit(document, { Scalar(key, node) { if (node.value === 'two') node.value = 'zwei'; } });
console.log(document.toJS().list, stringify({ s: 'a: b', n: null, d: new Date(0), l: [[1], []], long: 'word '.repeat(30) }, { indent: 4, lineWidth: 50 }));
console.log(parseAllDocuments('a: 1\n---\n- b').map((one) => one.toJSON()), parseDocument('a: [1\nb: }').errors.map((error) => [error.code, error.linePos, error.message]));
const made = new Document({ k: 1 });
made.get('k', true).comment = ' why';
console.log(made.toString({ collectionStyle: 'block' }));
try {
  YAML.parse('a: 1\na: 2');
} catch (error) {
  console.log(error.name, error.message);
}
