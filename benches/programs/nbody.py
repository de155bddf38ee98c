"""Planets around the sun: floats and tuples."""

from math import sqrt

BODIES = [
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 39.47841760435743],
    [4.84143144, -1.16032004, -0.10362204, 0.60632639, 2.81198684, -0.02521836, 0.03769367],
    [8.34336671, 4.12479856, -0.40352341, -1.01077434, 1.82566237, 0.00841576, 0.01128632],
    [12.89436956, -15.11115140, -0.22330757, 1.08279100, 0.86871301, -0.01083263, 0.00172372],
    [15.37969711, -25.91931460, 0.17925877, 0.97909073, 0.59469899, -0.03475595, 0.00203368],
]


def advance(bodies, dt, steps):
    pairs = [(a, b) for i, a in enumerate(bodies) for b in bodies[i + 1 :]]
    for _ in range(steps):
        for a, b in pairs:
            dx, dy, dz = a[0] - b[0], a[1] - b[1], a[2] - b[2]
            square = dx * dx + dy * dy + dz * dz
            magnitude = dt / (square * sqrt(square))
            for body, mass, sign in ((a, b[6], -1), (b, a[6], 1)):
                body[3] += sign * dx * mass * magnitude
                body[4] += sign * dy * mass * magnitude
                body[5] += sign * dz * mass * magnitude
        for body in bodies:
            body[0] += dt * body[3]
            body[1] += dt * body[4]
            body[2] += dt * body[5]


advance(BODIES, 0.01, 40_000)
print(f"{BODIES[0][0]:.9f}")
