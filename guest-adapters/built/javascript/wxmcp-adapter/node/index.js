// Node's modules are not in components that `wxmcp build` makes.

/** All names, without `node:`. */
export const names = [];

export function builtin() {
  return undefined;
}
