#!/usr/bin/env bash
# The seed's scenario on the tool tree that ships, in Python and in TypeScript.
set -euo pipefail
cd "$(dirname "$0")/../.."
examples/data.sh
for script in report.py report.ts; do
  rm -rf target/demo/workspace && mkdir -p target/demo/workspace
  python3 examples/records/sample.py target/demo/data target/demo/sample.db
  echo "$script:"
  "${WXMCP:-target/release/wxmcp}" run --usage "examples/records/$script"
done
