import { createTool, sql } from 'wxmcp';

// Plain JSON Schema and not zod, which adds 40 % to a call in a fresh instance: this tool is called most.
export const query = createTool({
  name: 'database.query',
  description: 'Runs one SQL statement that only reads, and answers its rows as objects.',
  parameters: {
    type: 'object',
    properties: {
      sql: { type: 'string', minLength: 1, description: 'The statement; parameters stand as `?`' },
      parameters: { type: 'array', default: [], description: 'Values for the parameters, in their order' },
    },
    required: ['sql'],
    additionalProperties: false,
  },
  output: { type: 'array', items: { type: 'object' } },
  grants: { sql: ['main'] },
  reusable: true,
  async execute({ sql: statement, parameters }) {
    return await sql('main').query(statement, parameters);
  },
});
