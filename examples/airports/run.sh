#!/usr/bin/env bash
# Upstream MCP servers on real data, in Python and in TypeScript: three of them,
# thousands of records, five lines out.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
demo=$root/target/demo
data=$demo/data
examples/data.sh
export SERVERS=$root/target/servers DEMO=$demo DATA=$data
for script in report.py report.ts; do
  rm -f "$data/summary.csv" "$demo/memory.jsonl" "$demo/airports.db"
  echo "$script:"
  "${WXMCP:-target/release/wxmcp}" run --mcp-config examples/airports/mcp.json --usage --timeout 60s \
    "examples/airports/$script" "$data"
done
