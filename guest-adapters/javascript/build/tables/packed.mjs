// How tables are written: numbers in base 36, each as what it is more than the one before.

export const short = (number) => number.toString(36);

/** Ranges as `gap-more`, by spaces. */
export function packedRanges(ranges) {
  let at = 0;
  const parts = ranges.map(([first, last]) => {
    const part = short(first - at) + (last > first ? `-${short(last - first)}` : '');
    at = last + 1;
    return part;
  });
  return parts.join(' ');
}

/** [code point, text] as `gap:letter,letter`, by spaces. */
export function packedTexts(rows) {
  let at = 0;
  const parts = rows.map(([code, text]) => {
    const letters = [...text].map((letter) => short(letter.codePointAt(0)));
    const part = `${short(code - at)}:${letters.join(',')}`;
    at = code + 1;
    return part;
  });
  return parts.join(' ');
}
