import * as cheerio from 'cheerio';

const html = `<!doctype html><html><head><title>Page</title></head><body><!-- note -->
<div id="main" class="box wide"><h1>Head &amp; tail</h1><p>One <b>bold</b> <a href="/a?x=1&y=2">link</a></p>
<ul><li data-n="1">1</li><li class="x">2</li><li>3</li></ul><script>if (a < b) {}</script></div><table><tr><td>c</td></tr></table></body></html>`;
const $ = cheerio.load(html);
console.log($('title').text(), $('#main').attr('class'), $('a').attr('href'), $('li').map((at, li) => $(li).text()).get(), $('li:nth-child(odd)').length, $('li[data-n]').data('n'));
$('script').remove();
$('h1').text('New <title>').addClass('big');
$('ul').append('<li>4</li>').find('.x').replaceWith('<li>two</li>');
console.log($('#main').html(), $('body').contents().toArray().some((node) => node.type === 'comment'), $('p').next().prop('tagName'), $('td').closest('table').length);
console.log(cheerio.load('<r><a>1</a><b/></r>', { xml: true }).xml(), $.text($('p')).trim(), cheerio.load('<p>frag', null, false).html(), $('ul li').filter((at, li) => $(li).text() > '2').length);
console.log($('body').extract({ links: [{ selector: 'a', value: 'href' }], first: 'li', rows: [{ selector: 'tr', value: { cell: 'td' } }] }));
try {
  $('li[');
} catch (error) {
  console.log(error.message);
}
