// Maps, sets and arrays as queues: a search through a graph.
const size = 60_000, edges = new Map();
for (let i = 0; i < size; i++) edges.set(i, [(i * 17 + 1) % size, (i * 5 + 3) % size, (i + 1) % size]);
const seen = new Set([0]), distance = new Map([[0, 0]]);
for (let queue = [0]; queue.length; ) {
  const next = [];
  for (const at of queue) for (const to of edges.get(at)) {
    if (seen.has(to)) continue;
    seen.add(to);
    distance.set(to, distance.get(at) + 1);
    next.push(to);
  }
  queue = next;
}
console.log(seen.size, Math.max(...distance.values()), [...distance.keys()].slice(-3).join(' '));
