#!/usr/bin/env bash
# Installs the real MCP clients that connect to wxmcp in tests, exactly as locked, into target/clients:
# node_modules (with a node of their own, which the inspector needs) and venv. Does nothing when that is done.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
clients=${WXMCP_TEST_CLIENTS:-$here/../../target/clients}
python=${PYTHON:-python3}
mkdir -p "$clients"
clients=$(cd "$clients" && pwd)

# is_current STAMP INPUT..: whether STAMP was left by an installation of these inputs.
is_current() {
  local stamp=$1
  shift
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(cat "$@" | sha256sum)" ]
}

inputs=("$here/package.json" "$here/package-lock.json" "$here/.npmrc")
if ! is_current "$clients/node_modules.stamp" "${inputs[@]}"; then
  echo "installing the npm test clients" >&2
  cp "${inputs[@]}" "$clients/"
  (cd "$clients" && npm ci --silent)
  cat "${inputs[@]}" | sha256sum > "$clients/node_modules.stamp"
fi

requirements=$here/requirements.txt
if ! is_current "$clients/venv.stamp" "$requirements"; then
  echo "installing the Python test clients" >&2
  rm -rf "$clients/venv"
  "$python" -m venv "$clients/venv"
  "$clients/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$requirements"
  cat "$requirements" | sha256sum > "$clients/venv.stamp"
fi
