import * as filesystem from './tools/filesystem';

const [data] = process.argv.slice(2);
const [airports, weather] = await Promise.all([
  filesystem.readTextFile({ path: `${data}/airports.csv` }),
  filesystem.readTextFile({ path: `${data}/seattle-temps.csv` }),
]);
try {
  await filesystem.readTextFile({ path: '/etc/passwd' });
} catch (error) {
  console.log('refused:', error.message);
}
return `${airports.content.length + weather.content.length} characters never reached the model`;
