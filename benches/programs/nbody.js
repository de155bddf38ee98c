// Planets by Euler steps: floating point and property access.
const bodies = [
  { x: 0, y: 0, z: 0, vx: 0, vy: 0, vz: 0, mass: 39.47 },
  { x: 4.84, y: -1.16, z: -0.1, vx: 0.6, vy: 2.81, vz: -0.02, mass: 0.037 },
  { x: 8.34, y: 4.12, z: -0.4, vx: -1.01, vy: 1.81, vz: 0.008, mass: 0.011 },
  { x: 12.89, y: -15.1, z: -0.22, vx: 1.08, vy: 0.86, vz: -0.01, mass: 0.0017 },
];
for (let step = 0; step < 60_000; step++) {
  for (let i = 0; i < bodies.length; i++) {
    const a = bodies[i];
    for (let j = i + 1; j < bodies.length; j++) {
      const b = bodies[j];
      const dx = a.x - b.x, dy = a.y - b.y, dz = a.z - b.z;
      const square = dx * dx + dy * dy + dz * dz;
      const pull = 0.001 / (square * Math.sqrt(square));
      a.vx -= dx * b.mass * pull; a.vy -= dy * b.mass * pull; a.vz -= dz * b.mass * pull;
      b.vx += dx * a.mass * pull; b.vy += dy * a.mass * pull; b.vz += dz * a.mass * pull;
    }
  }
  for (const b of bodies) { b.x += 0.001 * b.vx; b.y += 0.001 * b.vy; b.z += 0.001 * b.vz; }
}
console.log(bodies.map((b) => b.x.toFixed(6)).join(' '));
