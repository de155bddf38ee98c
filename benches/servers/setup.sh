#!/usr/bin/env bash
# Installs the 32 real MCP servers whose tools the search is measured on, exactly as locked,
# into target/bench-servers: node_modules and one venv a set of requirements. Does nothing
# when that is done. No script of a package runs; no server gets a real credential.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
servers=$here/../../target/bench-servers
python=${PYTHON:-python3}
mkdir -p "$servers/work/home"
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
  echo "installing the npm servers of the search bench (1.2 GB)" >&2
  cp "${inputs[@]}" "$servers/"
  (cd "$servers" && npm ci --silent --ignore-scripts)
  cat "${inputs[@]}" | sha256sum > "$servers/node_modules.stamp"
}

# venv NAME REQUIREMENTS
venv() {
  local target=$servers/$1 requirements=$here/$2
  is_current "$target.stamp" "$requirements" && return
  echo "installing the Python servers of $2" >&2
  rm -rf "$target"
  "$python" -m venv "$target"
  "$target/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$requirements"
  sha256sum < "$requirements" > "$target.stamp"
}

node_modules
venv venv requirements.txt
venv venv-mcp1 requirements-mcp1.txt
venv venv-atlassian requirements-atlassian.txt
venv venv-workspace requirements-workspace.txt
