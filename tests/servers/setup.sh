#!/usr/bin/env bash
# Installs the real MCP servers that tests talk to, exactly as locked, into
# target/servers: node_modules, venv, venv-sqlite. Does nothing when that is done.
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
venv venv requirements.txt
venv venv-sqlite requirements-sqlite.txt
