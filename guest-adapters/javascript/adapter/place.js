// Where a script stands: the folder that it began in, or has gone to.

let here = '/';
/** What the host said last: in a session the script's own folder stays. */
let given;

/** A run begins. */
export function begin({ cwd, session }) {
  const folder = cwd ?? '/';
  if (session !== true || folder !== given) here = folder;
  given = folder;
}

export function cwd() {
  return here;
}

/** Goes to a folder, by its absolute path without `.` and `..`. */
export function go(folder) {
  here = folder;
}

/** A path from the root. */
export function absolute(path) {
  return path[0] === '/' ? path : `${here === '/' ? '' : here}/${path}`;
}
