import html5lib
from html5lib.serializer import serialize
from html5lib.filters import sanitizer

document = html5lib.parse("<p>One<p>Two <b>bold<i>both</b>i</i><table><td>x", namespaceHTMLElements=False)
print([element.tag for element in document.iter()])
print(serialize(document, omit_optional_tags=False, quote_attr_values="always"))
fragment = html5lib.parseFragment('<a href="x" onclick=y>&eacute;&amp;</a><!-- c -->', treebuilder="dom")
print("".join(node.toxml() for node in fragment.childNodes))
parser = html5lib.HTMLParser(strict=False)
parser.parse("<!doctype html><title>t</title></p>")
print([(error[1], error[0]) for error in parser.errors], parser.documentEncoding)
print(html5lib.parse("<meta charset=latin1><p>é".encode("latin-1"), namespaceHTMLElements=False).find("body/p").text)
