import Ajv from 'ajv';
import Ajv2020 from 'ajv/dist/2020.js';

const ajv = new Ajv({ allErrors: true, coerceTypes: true, useDefaults: true });
ajv.addFormat('even', { type: 'number', validate: (n) => n % 2 === 0 });
ajv.addKeyword({ keyword: 'lower', type: 'string', validate: (schema, text) => text === text.toLowerCase() });
const validate = ajv.compile({
  type: 'object', required: ['name', 'size'], additionalProperties: false,
  properties: { name: { type: 'string', pattern: '^\\p{L}+$', minLength: 2 }, size: { type: 'integer', minimum: 1 }, tags: { type: 'array', items: { enum: ['a', 'b'] }, uniqueItems: true }, mode: { type: 'string', default: 'r', lower: true }, n: { type: 'number', format: 'even' } },
});
const data = { name: 'Ünal', size: '3' };
console.log(validate(data), data, validate({ name: '1', size: 0, tags: ['c', 'c'], x: 1, mode: 'R', n: 3 }), validate.errors.map((error) => [error.instancePath, error.keyword, error.message]));
console.log(ajv.errorsText(), ajv.errorsText(validate.errors, { separator: '; ' }));
const modern = new Ajv2020({ strict: false });
modern.addSchema({ $id: 'http://e.com/node', type: 'object', properties: { next: { $ref: '#' } }, unevaluatedProperties: false });
console.log(modern.validate('http://e.com/node', { next: { next: {} } }), modern.validate('http://e.com/node', { next: { other: 1 } }), modern.errors[0].message);
console.log(modern.validate({ prefixItems: [{ type: 'number' }], items: false }, [1, 2]), modern.validate({ oneOf: [{ const: 1 }, { const: 2 }], $dynamicAnchor: 'x' }, 3));
try {
  new Ajv().compile({ type: 'nothing' });
} catch (error) {
  console.log(error.message);
}
