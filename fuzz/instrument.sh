#!/usr/bin/env bash
# A wrapper of rustc (`RUSTC_WRAPPER`) that has LLVM count: which edges of the code an input reaches, which constants it is compared
# with, and how many edges are executed. Programs of the build itself are left alone, and so is the engine: its compiler is not ours
# to bound, and would be slow.
set -euo pipefail
compiler=$1
shift
name= target=
for ((at = 1; at < $#; at++)); do
  next=$((at + 1))
  case ${!at} in
    --crate-name) name=${!next} ;;
    --target) target=${!next} ;;
  esac
done
case $name in
  cranelift* | wasmtime* | regalloc2 | pulley* | libsqlite3_sys | ring | rustls* | rusqlite | hickory*) target= ;;
esac
[ -n "$target" ] || exec "$compiler" "$@"
exec "$compiler" "$@" -C passes=sancov-module \
  -C llvm-args=-sanitizer-coverage-level=3 \
  -C llvm-args=-sanitizer-coverage-inline-8bit-counters \
  -C llvm-args=-sanitizer-coverage-pc-table \
  -C llvm-args=-sanitizer-coverage-trace-compares \
  -C llvm-args=-sanitizer-coverage-trace-pc-guard
