// Higher-order functions and generators.
const compose = (...fs) => (x) => fs.reduce((value, f) => f(value), x);
const f = compose((x) => x + 1, (x) => x * 2, (x) => x - 3);
function* numbers(n) { for (let i = 0; i < n; i++) yield i; }
let sum = 0;
for (const n of numbers(120_000)) sum += f(n) % 7;
console.log(sum);
