import { lexer, Marked, marked, parseInline } from 'marked';

const text = `# Title

Some *emphasis*, **strong**, ~~gone~~, \`code\` & a [link](http://e.com "t") https://auto.link <b>html</b>

| a | b |
|:--|--:|
| 1 | é |

- [x] done
- nested
  1. one
  2. two

> quote

\`\`\`js
const x = '<y>';
\`\`\`

<!-- comment -->

***
![img](i.png)
`;
console.log(marked.parse(text), parseInline('*a* _b_ **日本**語'), marked('line\nbreak', { breaks: true }));
console.log(lexer('# A\n\n- b').map((token) => [token.type, token.raw]));
const own = new Marked({ gfm: true, renderer: { heading({ tokens, depth }) { return `<h${depth} id="x">${this.parser.parseInline(tokens)}</h${depth}>\n`; } } });
own.use({ walkTokens: (token) => { if (token.type === 'link') token.href = 'https://changed'; }, async: true });
console.log(await own.parse('## Own [l](x)'));
try {
  marked.parse(null);
} catch (error) {
  console.log(error.message.split('\n')[0]);
}
