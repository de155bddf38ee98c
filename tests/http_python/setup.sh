#!/usr/bin/env bash
# Installs the HTTP clients of Python that tests run in the sandbox, exactly as locked, into target/http-python: `wheels`, and `site`.
# Their extension modules are left out: each has a part in Python that does the same. Does nothing when that is done.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
clients=${WXMCP_TEST_HTTP_PYTHON:-$here/../../target/http-python}
python=${PYTHON:-python3}
mkdir -p "$clients"
clients=$(cd "$clients" && pwd)

inputs=("$here/requirements.txt" "$here/setup.sh")
[ -f "$clients/stamp" ] && [ "$(cat "$clients/stamp")" = "$(cat "${inputs[@]}" | sha256sum)" ] && exit

echo "installing the HTTP clients of Python" >&2
rm -rf "$clients/site" "$clients/wheels"
tags=(--only-binary :all: --implementation cp --abi cp314 --python-version 3.14 --platform manylinux2014_x86_64 --platform manylinux_2_28_x86_64)
"$python" -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes "${tags[@]}" \
  --dest "$clients/wheels" -r "$here/requirements.txt"
"$python" -m pip install --quiet --disable-pip-version-check --no-deps --no-index --find-links "$clients/wheels" "${tags[@]}" \
  --target "$clients/site" -r "$here/requirements.txt"
find "$clients/site" -name '*.so' -delete
cat "${inputs[@]}" | sha256sum > "$clients/stamp"
