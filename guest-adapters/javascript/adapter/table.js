// The text of `console.table(...)`.

import { inspect } from './inspect.js';
import {
  TheMap, brand, getOwnPropertyDescriptor, hasOwn, isArray, keys, mapForEach, mapHas, mapSet, mapSize, push,
  repeat, setForEach, setSize,
} from './primordials.js';

/** The text of `console.table(data, columns)`. */
export function table(data, columns) {
  const rows = [];
  const addRow = (index, row) => push(rows, { __proto__: null, index, row });
  let head = '(index)';
  if (brand(mapSize, data)) {
    head = '(iteration index)';
    let i = 0;
    mapForEach(data, (value, key) => addRow(`${i++}`, { Key: key, Values: value }));
  } else if (brand(setSize, data)) {
    head = '(iteration index)';
    let i = 0;
    setForEach(data, (value) => addRow(`${i++}`, value));
  } else {
    const names = keys(data);
    for (let i = 0; i < names.length; i++) addRow(names[i], getOwnPropertyDescriptor(data, names[i])?.value);
  }
  const titles = [];
  const at = new TheMap();
  let hasValues = false;
  for (let i = 0; i < rows.length; i++) {
    const { row } = rows[i];
    if (row === null || typeof row !== 'object') {
      hasValues = true;
      continue;
    }
    const names = isArray(columns) ? columns : keys(row);
    for (let j = 0; j < names.length; j++) {
      if (mapHas(at, names[j])) continue;
      mapSet(at, names[j], titles.length);
      push(titles, `${names[j]}`);
    }
  }
  const grid = [];
  for (let i = 0; i < rows.length; i++) {
    const { index, row } = rows[i];
    const line = [index];
    const isRecord = row !== null && typeof row === 'object';
    for (let j = 0; j < titles.length; j++) {
      const has = isRecord && hasOwn(row, titles[j]);
      push(line, has ? cell(getOwnPropertyDescriptor(row, titles[j]).value) : '');
    }
    if (hasValues) push(line, isRecord ? '' : cell(row));
    push(grid, line);
  }
  const all = [head];
  for (let i = 0; i < titles.length; i++) push(all, titles[i]);
  if (hasValues) push(all, 'Values');
  return drawn(all, grid);
}

function cell(value) {
  return inspect(value, { __proto__: null, depth: value !== null && typeof value === 'object' && keys(value).length > 2 ? -1 : 0, maxArrayLength: 3, breakLength: Infinity });
}

function drawn(head, grid) {
  const widths = [];
  for (let i = 0; i < head.length; i++) {
    let width = head[i].length;
    for (let j = 0; j < grid.length; j++) if (grid[j][i].length > width) width = grid[j][i].length;
    push(widths, width + 2);
  }
  const rule = (left, middle, right) => {
    let text = left;
    for (let i = 0; i < widths.length; i++) text += repeat('─', widths[i]) + (i < widths.length - 1 ? middle : right);
    return text;
  };
  const row = (cells) => {
    let text = '│';
    for (let i = 0; i < cells.length; i++) {
      text += ` ${cells[i]}${repeat(' ', widths[i] - cells[i].length - 1)}│`;
    }
    return text;
  };
  let text = `${rule('┌', '┬', '┐')}\n${row(head)}\n${rule('├', '┼', '┤')}\n`;
  for (let i = 0; i < grid.length; i++) text += `${row(grid[i])}\n`;
  return text + rule('└', '┴', '┘');
}
