import { createTool, sql } from 'wxmcp';
import { z } from 'zod';

export const query = createTool({
  name: 'database.query',
  description: 'Runs one SQL statement that only reads, and answers its rows as objects.',
  parameters: z.object({
    sql: z.string().min(1).describe('The statement; parameters stand as `?`'),
    parameters: z.array(z.any()).default([]).describe('Values for the parameters, in their order'),
  }),
  output: z.array(z.record(z.string(), z.any())),
  grants: { sql: ['main'] },
  reusable: true,
  async execute({ sql: statement, parameters }) {
    return await sql('main').query(statement, parameters);
  },
});
