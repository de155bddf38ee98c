// What to say when there is nothing of a name.

import { abs, floor, lowerCase, min, push } from './primordials.js';

const MOST = 20;
const LONGEST = 64;

/** "; nearest: `a`, `b`", or what there is. */
export function nearest(name, names, before = '') {
  const near = [];
  for (let i = 0; i < names.length && near.length < 3; i++) {
    if (isNear(name, names[i])) push(near, names[i]);
  }
  if (near.length > 0) return `; nearest: ${listed(near, before)}`;
  return names.length > 0 ? `; there are: ${listed(names, before)}` : '; there are none';
}

/** Whether a name may be another, misspelt: a third of its letters may differ. */
export function isNear(one, other) {
  const longest = one.length > other.length ? one.length : other.length;
  if (one === '' || longest < 2 || longest > LONGEST) return lowerCase(one) === lowerCase(other);
  const allowed = longest < 6 ? 1 : floor(longest / 3);
  if (abs(one.length - other.length) > allowed) return false;
  return distance(lowerCase(one), lowerCase(other)) <= allowed;
}

/** "`a`, `b` and 3 more". */
export function listed(names, before = '') {
  let text = '';
  for (let i = 0; i < names.length && i < MOST; i++) text += `${i > 0 ? ', ' : ''}\`${before}${names[i]}\``;
  return names.length > MOST ? `${text} and ${names.length - MOST} more` : text;
}

/** How many letters to change, add or take away (Levenshtein). */
function distance(a, b) {
  const row = [];
  for (let j = 0; j <= b.length; j++) push(row, j);
  for (let i = 1; i <= a.length; i++) {
    let corner = row[0];
    row[0] = i;
    for (let j = 1; j <= b.length; j++) {
      const above = row[j];
      row[j] = min(above + 1, row[j - 1] + 1, corner + (a[i - 1] === b[j - 1] ? 0 : 1));
      corner = above;
    }
  }
  return row[b.length];
}
