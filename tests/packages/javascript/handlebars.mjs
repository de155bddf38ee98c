import Handlebars from 'handlebars';

Handlebars.registerHelper('shout', (text) => text.toUpperCase() + '!');
Handlebars.registerHelper('list', (items, options) => new Handlebars.SafeString('<ul>' + items.map((item) => `<li>${options.fn(item)}</li>`).join('') + '</ul>'));
Handlebars.registerPartial('row', '{{name}}={{default}}{{> @partial-block}}');
const template = Handlebars.compile(`Hi {{shout name}} {{{raw}}} {{raw}}
{{#each items as |item at|}}{{at}}:{{item.n}}{{#unless @last}}, {{/unless}}{{else}}none{{/each}}
{{#if (lookup flags 'on')}}yes{{else if other}}other{{else}}no{{/if}} {{#with deep}}{{a.b}} {{../name}}{{/with}}
{{#list items}}{{n}}{{/list}} {{#> row name="x" default=1}}block{{/row}} {{!-- comment --}}{{~#each map}} {{@key}}={{this}} {{~/each}}`);
console.log(template({ name: 'ann', raw: '<b>&', items: [{ n: 1 }, { n: 2 }], flags: { on: true }, deep: { a: { b: 5 } }, map: { k: 'v', l: 'w' } }));
console.log(Handlebars.escapeExpression('<"&\'`=>'), Handlebars.parse('{{a}}').body[0].type, typeof Handlebars.precompile('{{x}}'), Handlebars.create().compile('{{#each this}}{{.}}{{/each}}')([1, 2]));
for (const bad of ['{{#if x}}', '{{missing 1}}', '{{> none}}']) {
  try {
    Handlebars.compile(bad, { strict: true })({});
  } catch (error) {
    console.log(error.message);
  }
}
