// Nested arrays of numbers.
const n = 110, make = (k) => Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => (i * k + j) % 10));
const a = make(3), b = make(7);
const c = a.map((row) => b[0].map((_, j) => { let s = 0; for (let k = 0; k < n; k++) s += row[k] * b[k][j]; return s; }));
console.log(c.flat().reduce((x, y) => (x * 31 + y) % 1_000_003, 0));
