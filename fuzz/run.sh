#!/usr/bin/env bash
# Fuzzes each target for some seconds, or one: run.sh PROGRAM SECONDS [TARGET]. What is found stays in target/fuzz/found/TARGET,
# inputs that reach more in target/fuzz/corpus/TARGET, from where the next run goes on.
set -euo pipefail
program=$1 seconds=$2
cd "$(dirname "$0")/.."
failed=
for target in ${3:-$(ls fuzz/corpus)}; do
  found=target/fuzz/found/$target corpus=target/fuzz/corpus/$target
  mkdir -p "$found" "$corpus"
  echo "fuzzing $target for $seconds seconds"
  # Threads have two MiB of stack.
  (ulimit -s 2048 && "$program" "$target" -max_total_time="$seconds" -len_control=10 -timeout=60 -rss_limit_mb=3000 -print_final_stats=1 \
    -artifact_prefix="$found/" "$corpus" "fuzz/corpus/$target") >"target/fuzz/$target.log" 2>&1 || failed="$failed $target"
  grep -E '^(Done|stat::number_of_executed_units|stat::new_units_added)|panicked|ERROR|SUMMARY' "target/fuzz/$target.log" || true
done
[ -z "$failed" ] || { echo "found something:$failed; see target/fuzz/TARGET.log"; exit 1; }
