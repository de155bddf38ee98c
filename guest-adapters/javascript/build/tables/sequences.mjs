// Which texts have the properties of texts that `\p{..}` may name with the flag `v`: an expression for each.

import { createRequire } from 'node:module';

/** In an order in which a longer text comes before one that it begins with. */
const PARTS = ['RGI_Emoji_ZWJ_Sequence', 'RGI_Emoji_Tag_Sequence', 'RGI_Emoji_Modifier_Sequence', 'RGI_Emoji_Flag_Sequence', 'Emoji_Keycap_Sequence', 'Basic_Emoji'];

export function sequences() {
  const require = createRequire(import.meta.url);
  const tables = {};
  for (const name of PARTS) {
    const { characters, strings } = require(`regenerate-unicode-properties/Property_of_Strings/${name}.js`);
    const texts = [...characters.toArray().map((code) => String.fromCodePoint(code)), ...strings];
    tables[name] = expressionOf(trieOf(texts));
    check(name, texts, tables[name]);
  }
  const { icu, unicode } = process.versions;
  return `// Made of ICU ${icu}: Unicode ${unicode}. Which texts have each property: the source of an expression, with the flag \`v\`.

export const sequences = {
  __proto__: null,
${Object.entries(tables).map(([name, text]) => `  ${name}: String.raw\`${text}\`,\n`).join('')}};

/** \`RGI_Emoji\` is all of them, longer texts first. */
sequences.RGI_Emoji = \`${PARTS.map((name) => `\${sequences.${name}}`).join('|')}\`;
`;
}

/** This node and the data must mean the same texts. */
function check(name, texts, expression) {
  const known = new RegExp(`^\\p{${name}}$`, 'v');
  const made = new RegExp(`^(?:${expression})$`, 'v');
  for (const text of texts) {
    if (!known.test(text) || !made.test(text)) throw new Error(`${name} does not have ${JSON.stringify(text)}`);
  }
}

function trieOf(texts) {
  const root = { next: new Map(), isEnd: false };
  for (const text of texts) {
    let node = root;
    for (const letter of text) {
      if (!node.next.has(letter)) node.next.set(letter, { next: new Map(), isEnd: false });
      node = node.next.get(letter);
    }
    node.isEnd = true;
  }
  return root;
}

/** The alternatives below a node; letters that go on in the same way share one. */
function expressionOf(node) {
  const byRest = new Map();
  for (const [letter, below] of node.next) {
    const rest = restOf(below);
    byRest.set(rest, [...(byRest.get(rest) ?? []), letter.codePointAt(0)]);
  }
  return [...byRest].map(([rest, codes]) => classOf(codes) + rest).join('|');
}

function restOf(node) {
  if (node.next.size === 0) return '';
  const text = expressionOf(node);
  if (node.isEnd) return `(?:${text})?`;
  return text.includes('|') ? `(?:${text})` : text;
}

function classOf(codes) {
  const escaped = (code) => `\\u{${code.toString(16)}}`;
  const sorted = codes.toSorted((a, b) => a - b);
  if (sorted.length === 1) return escaped(sorted[0]);
  let text = '';
  for (let i = 0; i < sorted.length; ) {
    let end = i;
    while (sorted[end + 1] === sorted[end] + 1) end++;
    text += escaped(sorted[i]) + (end > i ? `-${escaped(sorted[end])}` : '');
    i = end + 1;
  }
  return `[${text}]`;
}
