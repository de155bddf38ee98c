#!/usr/bin/env bash
# Installs the npm packages that scripts ask hosts with, exactly as locked, into target/http-clients: tests run them
# inside the sandbox. Does nothing when that is done.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
packages=${WXMCP_TEST_HTTP_CLIENTS:-$here/../../target/http-clients}
mkdir -p "$packages"
packages=$(cd "$packages" && pwd)

inputs=("$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$here/setup.sh")
[ -f "$packages/stamp" ] && [ "$(cat "$packages/stamp")" = "$(cat "${inputs[@]}" | sha256sum)" ] && exit

echo "installing the HTTP packages of npm" >&2
cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$packages/"
(cd "$packages" && npm ci --silent)
cat "${inputs[@]}" | sha256sum > "$packages/stamp"
