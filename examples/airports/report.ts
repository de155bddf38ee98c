// Joins 3,376 airports and 17,518 hourly temperatures through three MCP servers.
//
// Everything is read, joined and written through tools; only five lines come out.

import * as filesystem from './tools/filesystem';
import * as memory from './tools/memory';
import * as sqlite from './tools/sqlite';

type Row = Record<string, string>;

const folder = process.argv[2];

/** The records of a CSV text; fields may be quoted. */
function records(text: string): Row[] {
  const lines: string[][] = [];
  let line: string[] = [];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    line.push(quoted?.replaceAll('""', '"') ?? plain!);
    if (end === ',') continue;
    if (line.length > 1) lines.push(line);
    line = [];
  }
  const [head, ...rest] = lines as [string[], ...string[][]];
  return rest.map((fields) => Object.fromEntries(head.map((name, at) => [name, fields[at]!])));
}

async function table(name: string): Promise<Row[]> {
  const answer = await filesystem.readTextFile({ path: `${folder}/${name}.csv` });
  return records(answer.content);
}

const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;

/** The server answers Python's notation of a list of dictionaries. */
async function rows(query: string): Promise<any[]> {
  return JSON.parse((await sqlite.readQuery({ query })).replaceAll("'", '"'));
}

// Three files at once.
const [airports, seattle, sanFrancisco] = await Promise.all(
  ['airports', 'seattle-temps', 'sf-temps'].map(table),
) as [Row[], Row[], Row[]];

// 3,376 records into SQLite, 250 a statement.
await sqlite.createTable({
  query: 'CREATE TABLE airport (iata TEXT PRIMARY KEY, name TEXT, state TEXT, latitude REAL)',
});
const statements: string[] = [];
for (let start = 0; start < airports.length; start += 250) {
  const values = airports
    .slice(start, start + 250)
    .map((a) => `(${quoted(a.iata!)}, ${quoted(a.name!)}, ${quoted(a.state!)}, ${Number(a.latitude)})`);
  statements.push(`INSERT INTO airport VALUES ${values.join(', ')}`);
}
await Promise.all(statements.map((query) => sqlite.writeQuery({ query })));

// Filter and aggregate there.
const busiest = await rows(
  'SELECT state, COUNT(*) AS airports, ROUND(MAX(latitude), 1) AS north ' +
    "FROM airport WHERE state <> 'NA' GROUP BY state ORDER BY airports DESC, state LIMIT 5",
);

// Join two series by the hour here; only one of them writes seconds.
const warmth = new Map(sanFrancisco.map((row) => [row.date!.slice(0, 16), Number(row.temp)]));
const pairs = seattle
  .filter((row) => warmth.has(row.date!))
  .map((row) => [Number(row.temp), warmth.get(row.date!)!] as const);
const warmer = pairs.filter(([here, there]) => here > there).length;

// A call that fails is an exception like any other.
let survived = 'nothing was refused';
try {
  await filesystem.readTextFile({ path: '/etc/hostname' });
} catch (error) {
  survived = (error as ToolError).message.split(' - ')[0]!;
}

// Results go back out through tools, too.
await memory.createEntities({
  entities: busiest.map((row) => ({
    name: row.state,
    entityType: 'state',
    observations: [`${row.airports} airports`],
  })),
});
const found = await memory.searchNodes({ query: 'airports' });
const summary = ['state,airports,north', ...busiest.map((r) => `${r.state},${r.airports},${r.north}`)];
await filesystem.writeFile({ path: `${folder}/summary.csv`, content: summary.join('\n') + '\n' });
const written = await table('summary');

return `\
airports: ${airports.length} read, ${statements.length} statements, busiest ${busiest.map((r) => `${r.state} ${r.airports}`).join(', ')}
weather:  ${pairs.length} hours joined, Seattle was warmer than San Francisco in ${warmer} (${((100 * warmer) / pairs.length).toFixed(1)} %)
memory:   ${found.entities.length} entities written and found again
files:    summary.csv written, ${written.length} rows read back
refused:  ${survived}`;
