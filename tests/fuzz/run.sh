#!/usr/bin/env bash
# tests/fuzz/run.sh BUILD FUZZER SECONDS: one fuzzer for a time. What ends it stays in BUILD, and what it learned, for the next time.
set -euo pipefail
build=$1 fuzzer=$2 seconds=$3
weigh=1
case $fuzzer in   # how long an input is worth being, and where to begin beside the corpus
  expr) longest=200 seeds=() weigh=0 ;;
  schedule) longest=400 seeds=() weigh=0 ;;   # to weigh which input to change next takes longer than to try it
  json | report) longest=1024 seeds=() ;;
  *) longest=16384 seeds=(scenarios) ;;
esac
mkdir -p "$build/learned/$fuzzer"
if ! "$build/${fuzzer}_fuzz" -max_total_time="$seconds" -timeout=20 -entropic="$weigh" -rss_limit_mb=2048 -max_len="$longest" -print_final_stats=1 -verbosity=1 \
  -artifact_prefix="$build/$fuzzer-" "$build/learned/$fuzzer" "tests/fuzz/corpus/$fuzzer" "${seeds[@]}" > "$build/$fuzzer.log" 2>&1; then
  tail -40 "$build/$fuzzer.log"
  exit 1
fi
inputs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$build/$fuzzer.log")
memory=$(sed -n 's/^stat::peak_rss_mb: *//p' "$build/$fuzzer.log")
echo "$fuzzer: $inputs inputs in $seconds s, at most $memory MiB"
test "$inputs" -gt 0
