#!/usr/bin/env bash
# Gets the public data of the examples, pinned and hash-checked, into target/demo/data.
set -euo pipefail
cd "$(dirname "$0")/.."
demo=$PWD/target/demo
[ -f "$demo/data/sf-temps.csv" ] && exit
mkdir -p "$demo/data"
"${PYTHON:-python3}" -m venv "$demo/venv"
"$demo/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
  --require-hashes --target "$demo/package" -r examples/requirements.txt
cp "$demo"/package/vega_datasets/_data/{airports,seattle-temps,sf-temps}.csv "$demo/data"
