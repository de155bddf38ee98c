// What agents do most: filter, group, sort and serialise records.
const records = Array.from({ length: 40_000 }, (_, i) => ({ id: i, team: `team ${i % 97}`, score: (i * 7919) % 1000, tags: [i % 3, i % 5] }));
const groups = new Map();
for (const { team, score } of records.filter((r) => r.score > 250)) groups.set(team, (groups.get(team) ?? 0) + score);
const best = [...groups].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, 3);
console.log(JSON.stringify(best), JSON.parse(JSON.stringify(records)).length);
