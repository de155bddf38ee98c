import { z } from 'zod';

const User = z.object({
  name: z.string().min(2).max(20),
  email: z.email(),
  age: z.coerce.number().int().positive().optional(),
  role: z.enum(['admin', 'user']).default('user'),
  tags: z.array(z.string().trim()).max(3),
  site: z.url().nullable(),
  when: z.iso.datetime(),
  kind: z.discriminatedUnion('type', [z.object({ type: z.literal('a'), n: z.number() }), z.object({ type: z.literal('b'), s: z.string() })]),
  extra: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
});
const good = { name: 'Ann', email: 'a@e.com', age: '30', tags: [' x '], site: null, when: '2024-05-06T07:08:09Z', kind: { type: 'a', n: 1 } };
console.log(User.parse(good));
const bad = User.safeParse({ name: 'A', email: 'no', age: -1, role: 'x', tags: ['1', '2', '3', '4'], site: 'no', when: 'now', kind: { type: 'c' }, extra: { k: [] } });
console.log(bad.success, bad.error.issues.map((issue) => [issue.path.join('.'), issue.code, issue.message]));
console.log(z.prettifyError(bad.error), z.treeifyError(bad.error).properties.name);
console.log(JSON.stringify(z.toJSONSchema(User, { io: 'input' })));
const Even = z.number().refine((n) => n % 2 === 0, { error: 'odd' }).transform((n) => n / 2).pipe(z.number().max(5));
console.log(Even.safeParse(4).data, Even.safeParse(3).error.message, Even.safeParse(20).success);
console.log(await z.string().refine(async (text) => text.length > 1).safeParseAsync('x').then((result) => result.success));
console.log(User.pick({ name: true }).partial().strict().safeParse({ other: 1 }).error.issues[0].message, z.string().parse.name.length > 0);
