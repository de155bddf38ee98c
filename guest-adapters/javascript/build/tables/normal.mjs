// What letters are made of, and in which order marks stand: for `String.prototype.normalize`.

import { packedTexts, short } from './packed.mjs';

/** By combining class, a mark of it. Node does not tell classes, but marks are put into the order of theirs. */
const MARKS = new Map([
  [1, 820], [6, 94192], [7, 2364], [8, 12441], [9, 2381], [10, 1456], [11, 1457], [12, 1458], [13, 1459], [14, 1460],
  [15, 1461], [16, 1462], [17, 1463], [18, 1464], [19, 1465], [20, 1467], [21, 1468], [22, 1469], [23, 1471], [24, 1473],
  [25, 1474], [26, 64286], [27, 1611], [28, 1612], [29, 1613], [30, 1560], [31, 1561], [32, 1562], [33, 1617], [34, 1618],
  [35, 1648], [36, 1809], [84, 3157], [91, 3158], [103, 3640], [107, 3656], [118, 3768], [122, 3784], [129, 3953],
  [130, 3954], [132, 3956], [202, 801], [214, 7630], [216, 795], [218, 7674], [220, 790], [222, 1434], [224, 12334],
  [226, 119149], [228, 1454], [230, 768], [232, 789], [233, 860], [234, 861], [240, 837],
]);

export function normal() {
  const canonical = [];
  const compatible = [];
  const classes = [];
  const excluded = [];
  for (let code = 0xa0; code < 0x110000; code++) {
    // Syllables of Korean are made by a rule; surrogates are no letters.
    if (code >= 0xac00 && code < 0xe000) continue;
    const letter = String.fromCodePoint(code);
    const parts = letter.normalize('NFD');
    const loose = letter.normalize('NFKD');
    if (parts !== letter) {
      canonical.push([code, parts]);
      if (!isMadeAgain(letter, parts)) excluded.push(code);
    }
    if (loose !== parts) compatible.push([code, loose]);
    const order = parts === letter && /\p{M}/u.test(letter) ? classOf(letter) : 0;
    if (order !== 0) classes.push([code, order]);
  }
  const { icu, unicode } = process.versions;
  return `// Made of ICU ${icu}: Unicode ${unicode}. Numbers are in base 36.

/** \`gap:letters\`: what a letter is made of, entirely. */
export const CANONICAL =
  '${packedTexts(canonical)}';

/** The same where compatible letters are taken apart, if that is something else. */
export const COMPATIBLE =
  '${packedTexts(compatible)}';

/** \`gap-more.class\`: marks by their combining class. */
export const CLASSES =
  '${packedClasses(classes)}';

/** Letters of the first table that are not made again of their parts. */
export const EXCLUDED =
  '${excluded.map(short).join(' ')}';
`;
}

/** Whether a letter is what its parts are put together to: all but the last first, which are one letter then. */
function isMadeAgain(letter, parts) {
  const letters = [...parts];
  if (letter.normalize('NFC') !== letter || letters.length < 2) return false;
  const last = letters.pop();
  const first = letters.join('').normalize('NFC');
  return [...first].length === 1 && (first + last).normalize('NFC') === letter;
}

/** The combining class of a letter, 0 if it is no mark: that whose mark does not change places with it. */
function classOf(letter) {
  for (const [order, code] of MARKS) if (String.fromCodePoint(code) === letter) return order;
  const both = (a, b) => `a${a}${b}`.normalize('NFD');
  const marks = [...MARKS].map(([order, code]) => [order, String.fromCodePoint(code)]);
  if (marks.every(([, mark]) => both(letter, mark) !== both(mark, letter))) return 0;
  for (const [order, mark] of marks) if (both(letter, mark) !== both(mark, letter)) return order;
  throw new Error(`no class of ${letter.codePointAt(0).toString(16)} is known`);
}

function packedClasses(classes) {
  const runs = [];
  for (const [code, order] of classes) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] + 1 === code && last[2] === order) last[1] = code;
    else runs.push([code, code, order]);
  }
  let at = 0;
  const parts = runs.map(([first, last, order]) => {
    const part = `${short(first - at)}${last > first ? `-${short(last - first)}` : ''}.${short(order)}`;
    at = last + 1;
    return part;
  });
  return parts.join(' ');
}
