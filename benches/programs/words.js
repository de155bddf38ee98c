// Text: split, count, join.
const text = Array.from({ length: 60_000 }, (_, i) => `word${(i * 31) % 1009} and, or; not.`).join(' ');
const counts = {};
for (const word of text.toLowerCase().split(/[^a-z0-9]+/)) if (word) counts[word] = (counts[word] || 0) + 1;
console.log(Object.entries(counts).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, 4).join(' '));
