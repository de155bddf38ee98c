import matter from 'gray-matter';

const text = '---\ntitle: Post\ntags: [a, b]\ndate: 2024-05-06\nnested:\n  x: 1\n---\nSummary here.\n\n---\n\n# Body\n';
const page = matter(text, { excerpt: true });
console.log(page.data, JSON.stringify(page.content), page.excerpt, page.language, page.isEmpty);
console.log(matter.stringify('Body\n', { title: 'New', list: [1, 2] }), matter.test(text), matter.test('no'));
console.log(matter('---json\n{"a": 1}\n---\nx').data, matter('no matter').data, matter('---\n---\nempty').isEmpty);
console.log(matter('~~~\na: 1\n~~~\nx', { delims: '~~~' }).data);
try {
  matter('---\na: [1\n---\n');
} catch (error) {
  console.log(error.name, error.reason ?? error.message.split('\n')[0]);
}
