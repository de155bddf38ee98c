import { customAlphabet, customRandom, nanoid, urlAlphabet } from 'nanoid';
import { nanoid as insecure } from 'nanoid/non-secure';

console.log(nanoid().length, nanoid(8).length, /^[\w-]+$/.test(nanoid()), insecure(5).length, urlAlphabet);
const digits = customAlphabet('0123456789', 12);
console.log(digits().length, /^\d+$/.test(digits()), digits(4).length, new Set(Array.from({ length: 1000 }, () => nanoid())).size);
let state = 1;
const seeded = customRandom('abcdef', 10, (size) => Uint8Array.from({ length: size }, () => (state = (state * 75) % 251)));
console.log(seeded(), seeded());
