import { query } from './tools/database';
import * as file from './tools/file';

const hours = await query('SELECT city, hour, celsius FROM temperatures'); // 17,518 rows
const warmest = new Map();
for (const hour of hours) {
  if (!(hour.celsius <= warmest.get(hour.city)?.celsius)) warmest.set(hour.city, hour);
}
await file.write('warmest.json', JSON.stringify([...warmest.values()]));
try {
  await query('DROP TABLE airports');
} catch (error) {
  console.log('refused:', error.message);
}
return [...warmest].map(([city, hour]) => `${city}: ${hour.celsius} °C at ${hour.hour}`);
