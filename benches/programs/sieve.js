// A typed array of flags.
const limit = 1_000_000, composite = new Uint8Array(limit + 1);
let primes = 0;
for (let i = 2; i <= limit; i++) { if (composite[i]) continue; primes++; for (let j = i * i; j <= limit; j += i) composite[j] = 1; }
console.log(primes);
