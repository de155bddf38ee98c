// Regular expressions: search, groups, replacement and a pattern that looks back.
const lines = Array.from({ length: 40_000 }, (_, i) =>
  `2026-${String((i % 12) + 1).padStart(2, '0')}-${String((i % 28) + 1).padStart(2, '0')} user${i % 301}@host${i % 17}.example took ${(i * 37) % 1000} ms, code=${i % 7 ? 200 : 500}`);
const pattern = /^(?<day>\d{4}-\d\d-\d\d) (?<user>[a-z]+\d+)@(?<host>[\w.]+) took (\d+) ms, code=(?<code>\d{3})$/;
let slow = 0, failed = 0;
for (const line of lines) {
  const { groups, 4: ms } = pattern.exec(line);
  if (groups.code === '500') failed++;
  if (ms > 990) slow++;
}
const text = lines.join('\n').replace(/user(\d+)@/g, (_, n) => `u${n % 10}@`);
console.log(slow, failed, text.length, text.match(/\b(\d)\1\d? ms/g).length, text.split(/\s+|,/).length);
