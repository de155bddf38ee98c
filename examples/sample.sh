#!/usr/bin/env bash
# Makes the sample database of the tool tree, target/demo/sample.db, if it is not there.
set -euo pipefail
cd "$(dirname "$0")/.."
examples/data.sh
mkdir -p target/demo/workspace
[ -f target/demo/sample.db ] || "${PYTHON:-python3}" examples/records/sample.py target/demo/data target/demo/sample.db
