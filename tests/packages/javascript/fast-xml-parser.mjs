import { XMLBuilder, XMLParser, XMLValidator } from 'fast-xml-parser';

const text = '<?xml version="1.0"?><!DOCTYPE feed [<!ENTITY me "Ann">]><feed xmlns:a="http://a" id="1"><!-- c --><item n="1">x</item><item>y &amp; &me;</item><a:empty/><deep><er>007</er><f>1.50</f></deep><![CDATA[<raw>]]></feed>';
console.log(new XMLParser().parse(text));
const parser = new XMLParser({ ignoreAttributes: false, attributeNamePrefix: '@', commentPropName: '#comment', cdataPropName: '#cdata', parseTagValue: true, numberParseOptions: { leadingZeros: false, hex: true }, isArray: (name) => name === 'deep', removeNSPrefix: true });
const data = parser.parse(text);
console.log(JSON.stringify(data));
console.log(JSON.stringify(new XMLParser({ preserveOrder: true, stopNodes: ['*.b'] }).parse('<a>t<b><c/></b>u</a>')));
console.log(new XMLBuilder({ ignoreAttributes: false, attributeNamePrefix: '@', format: true, suppressEmptyNode: true }).build({ root: { '@v': '1', item: [1, 'a & b', { x: null }], flag: true } }));
console.log(XMLValidator.validate('<a><b></b></a>'), XMLValidator.validate('<a><b></a>'), XMLValidator.validate('<a x=1></a>'));
