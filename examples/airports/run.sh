#!/usr/bin/env bash
# The main job on real data, in Python and in TypeScript: three MCP servers,
# thousands of records, five lines out.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
demo=$root/target/demo
data=$demo/data
if [ ! -f "$data/sf-temps.csv" ]; then
  mkdir -p "$data"
  target/servers/venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
    --require-hashes --target "$demo/package" -r examples/airports/requirements.txt
  cp "$demo"/package/vega_datasets/_data/{airports,seattle-temps,sf-temps}.csv "$data"
fi
export SERVERS=$root/target/servers DEMO=$demo DATA=$data
for script in report.py report.ts; do
  rm -f "$data/summary.csv" "$demo/memory.jsonl" "$demo/airports.db"
  echo "$script:"
  "${WXMCP:-target/release/wxmcp}" run --mcp-config examples/airports/mcp.json --usage --timeout 60s \
    "examples/airports/$script" "$data"
done
