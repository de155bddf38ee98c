// Objects with methods, inheritance and private fields.
class Shape { #name; constructor(name) { this.#name = name; } get name() { return this.#name; } area() { return 0; } }
class Square extends Shape { constructor(a) { super('square'); this.a = a; } area() { return this.a * this.a; } }
class Circle extends Shape { constructor(r) { super('circle'); this.r = r; } area() { return 3 * this.r * this.r; } }
let total = 0;
for (let i = 0; i < 200_000; i++) { const shape = i % 2 ? new Square(i % 10) : new Circle(i % 7); total += shape.area() + shape.name.length; }
console.log(total);
