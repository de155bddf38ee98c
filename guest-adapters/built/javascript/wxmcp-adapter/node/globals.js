// Node's globals beside those of the adapter are not in components that `wxmcp build` makes.

export function install() {}
