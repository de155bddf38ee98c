import sympy as sp
from sympy.abc import x, y

print(sp.diff(sp.sin(x) * sp.exp(x), x), sp.integrate(x**2 * sp.log(x), x), sp.limit(sp.sin(x) / x, x, 0))
print(sp.solve(x**2 - 3 * x + 2, x), sp.solve([x + y - 3, x - y - 1], [x, y]), sp.factor(x**3 - 1), sp.expand((x + y) ** 3))
print(sp.simplify(sp.sin(x) ** 2 + sp.cos(x) ** 2), sp.series(sp.exp(x), x, 0, 4), sp.latex(sp.Rational(1, 3) * x**2))
matrix = sp.Matrix([[2, 1], [1, 2]])
print(matrix.det(), matrix.inv(), matrix.eigenvals(), sp.N(sp.pi, 20), sp.factorint(360), sp.nextprime(100))
print(sp.sympify("2*x + sqrt(8)"), sp.lambdify(x, x**2 + 1)(3), sp.dsolve(sp.Function("f")(x).diff(x) - x))
print(sp.pretty(sp.Integral(1 / x, x)))
