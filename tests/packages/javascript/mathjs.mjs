import { all, bignumber, chain, complex, create, derivative, det, evaluate, format, fraction, inv, mean, median, multiply, parse, simplify, std, unit } from 'mathjs';

console.log(evaluate('2 * (3 + 4)^2 / 7'), evaluate('a^2 + sqrt(b)', { a: 3, b: 16 }), evaluate('12.7 cm to inch').toString(), evaluate('sin(45 deg)^2'), String(evaluate('f(x) = x^2; f(5)')));
console.log(det([[1, 2], [3, 4]]), inv([[2, 0], [0, 4]]), multiply([[1, 2]], [[3], [4]]), mean([1, 2, 3]), median([4, 1, 3]), std([2, 4, 6]));
console.log(derivative('x^3 + sin(x)', 'x').toString(), simplify('2x + 3x - x').toString(), parse('a / b + 1').toTex());
console.log(complex(1, 2).mul(complex(0, 1)).toString(), fraction(1, 3).add(fraction(1, 6)).toFraction(), bignumber('0.1').plus('0.2').toString(), format(1 / 3, { precision: 5 }), unit('5 km/h').to('m/s').toString());
const math = create(all, { number: 'BigNumber', precision: 40 });
console.log(math.evaluate('1/3').toString(), math.sqrt(math.bignumber(2)).toString(), chain(3).add(4).multiply(2).done(), format(evaluate('[1, 2; 3, 4] .* 2')));
for (const bad of ['2 +', 'unknown(1)', '1 cm + 1 s']) {
  try {
    evaluate(bad);
  } catch (error) {
    console.log(error.name, error.message);
  }
}
