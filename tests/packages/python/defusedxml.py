import defusedxml
import defusedxml.minidom
from defusedxml import ElementTree

root = ElementTree.fromstring('<root a="1"><item>x</item><item>y</item></root>')
print(root.tag, root.attrib, [item.text for item in root.iter("item")])
print(ElementTree.tostring(root))
bomb = '<!DOCTYPE b [<!ENTITY a "aaaa"><!ENTITY c "&a;&a;">]><b>&c;</b>'
try:
    ElementTree.fromstring(bomb)
except defusedxml.EntitiesForbidden as error:
    print(error)
try:
    ElementTree.fromstring('<!DOCTYPE x SYSTEM "http://e.com/x.dtd"><x/>', forbid_dtd=True)
except defusedxml.DTDForbidden as error:
    print(error)
print(defusedxml.minidom.parseString("<a><b/></a>").toprettyxml(indent="  "))
try:
    ElementTree.fromstring("<a><b></a>")
except ElementTree.ParseError as error:
    print(error)
