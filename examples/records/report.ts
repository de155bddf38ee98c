// 100 records, filtered, updated, one line out; then 10,000. No record leaves the sandbox.

import { query, update } from './tools/database';
import * as file from './tools/file';

// A call for each record that fits.
let checked = 0;
for (const airport of await query('SELECT iata, name, state FROM airports ORDER BY iata LIMIT 100')) {
  if (airport.state === 'TX') {
    await update("UPDATE airports SET last_checked = '2026-11-24' WHERE iata = ?", [airport.iata]);
    checked++;
  }
}
console.log(`100 airports read, ${checked} of Texas marked as checked`);

// 10,000 records in one call, what fits back in one transaction.
const hours = await query('SELECT id, city, hour, celsius FROM temperatures ORDER BY hour, city LIMIT 10000');
const hot = hours.filter((hour) => hour.celsius > 18);
const changed = await update({
  sql: 'UPDATE temperatures SET is_hot = 1 WHERE id = ?',
  rows: hot.map((hour) => [hour.id]),
});
const byCity = Map.groupBy(hot, (hour) => hour.city);
const summary = [...byCity].map(([city, found]) => `${city}: ${found.length} hot hours, first on ${found[0].hour}`);
await file.write('reports/hot.md', summary.join('\n') + '\n');
console.log(`${hours.length} hours read, ${changed.rows_affected} marked as hot`);
console.log(summary.join('\n'));

try {
  await query('DELETE FROM airports');
} catch (error) {
  return `refused: ${error.message}`;
}
