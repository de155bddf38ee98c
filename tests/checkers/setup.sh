#!/usr/bin/env bash
# Installs the type checkers, exactly as locked, into target/checkers: `ty` and `tsc` (the
# native compiler of TypeScript), which `wxmcp check` runs, and `mypy`, which only tests run.
# All three are found in target/checkers/bin. Does nothing when that is done.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
checkers=${WXMCP_TEST_CHECKERS:-$here/../../target/checkers}
python=${PYTHON:-python3}
mkdir -p "$checkers"
checkers=$(cd "$checkers" && pwd)

inputs=("$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$here/requirements.txt" "$here/setup.sh")
[ -f "$checkers/stamp" ] && [ "$(cat "$checkers/stamp")" = "$(cat "${inputs[@]}" | sha256sum)" ] && exit

echo "installing the type checkers" >&2
rm -rf "$checkers/bin" "$checkers/venv" "$checkers/node_modules"
mkdir -p "$checkers/bin"
"$python" -m venv "$checkers/venv"
"$checkers/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$here/requirements.txt"
cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$checkers/"
(cd "$checkers" && npm ci --silent)
# The package's own `tsc` is a script that needs node; the compiler is beside its libraries.
native=("$checkers"/node_modules/@typescript/typescript-*/lib/tsc)
ln -s "${native[0]}" "$checkers/bin/tsc"
ln -s "$checkers/venv/bin/ty" "$checkers/venv/bin/mypy" "$checkers/bin/"
cat "${inputs[@]}" | sha256sum > "$checkers/stamp"
