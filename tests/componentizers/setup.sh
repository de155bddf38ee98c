#!/usr/bin/env bash
# Installs what `wxmcp build` makes components with, exactly as locked, into
# target/componentizers: `bin/componentize-py`, and `node_modules` with componentize-js.
# Does nothing when that is done.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
componentizers=${WXMCP_TEST_COMPONENTIZERS:-$here/../../target/componentizers}
python=${PYTHON:-python3}
mkdir -p "$componentizers"
componentizers=$(cd "$componentizers" && pwd)

inputs=("$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$here/requirements.txt" "$here/setup.sh")
[ -f "$componentizers/stamp" ] && [ "$(cat "$componentizers/stamp")" = "$(cat "${inputs[@]}" | sha256sum)" ] && exit

echo "installing the componentizers" >&2
rm -rf "$componentizers/bin" "$componentizers/venv" "$componentizers/node_modules"
mkdir -p "$componentizers/bin"
"$python" -m venv "$componentizers/venv"
"$componentizers/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes -r "$here/requirements.txt"
cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$componentizers/"
(cd "$componentizers" && npm ci --silent)
ln -s "$componentizers/venv/bin/componentize-py" "$componentizers/bin/"
cat "${inputs[@]}" | sha256sum > "$componentizers/stamp"
