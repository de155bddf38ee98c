from collections import OrderedDict
from xml.parsers.expat import ExpatError
import xmltodict

text = '<feed xmlns:a="http://a" id="1"><item n="1">x</item><item>y &amp; z</item><a:empty/><deep><er>1</er></deep></feed>'
data = xmltodict.parse(text)
print(data)
print(xmltodict.unparse(data, pretty=True))
print(xmltodict.parse(text, process_namespaces=True, namespaces={"http://a": None}, force_list=("deep",), attr_prefix="", cdata_key="text"))
found = []
xmltodict.parse("<l><e>1</e><e>2</e></l>", item_depth=2, item_callback=lambda path, item: found.append((path[-1][0], item)) or True)
print(found, xmltodict.parse("<a>1</a>", postprocessor=lambda path, key, value: (key, int(value) if value == "1" else value)))
try:
    xmltodict.parse("<a><b></a>")
except ExpatError as error:
    print(error)
