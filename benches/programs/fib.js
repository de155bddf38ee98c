// Calls, and nothing else.
const fib = (n) => (n < 2 ? n : fib(n - 1) + fib(n - 2));
console.log(fib(28), [10, 15, 20].map(fib).join(' '));
