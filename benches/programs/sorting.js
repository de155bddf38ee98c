// A sort of the program's own, and the engine's.
let seed = 42;
const random = () => (seed = (seed * 1103515245 + 12345) % 2147483648);
const quick = (list) => { if (list.length < 2) return list; const [head, ...rest] = list; return [...quick(rest.filter((x) => x < head)), head, ...quick(rest.filter((x) => x >= head))]; };
const list = Array.from({ length: 12_000 }, random);
const ours = quick(list), theirs = list.slice().sort((a, b) => a - b);
console.log(ours.every((x, i) => x === theirs[i]), ours[6000]);
