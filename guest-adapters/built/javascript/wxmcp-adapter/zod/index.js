// In place of zod, which scripts that are built cannot import.

export function config() {}
