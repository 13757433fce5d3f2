#!/usr/bin/env bash
# Builds the targets of tests/fuzz with libFuzzer, and runs each (or those named) for FUZZ_SECONDS, 60 by default.
# Findings are saved in fixtures/fuzz/TARGET, where `make test` replays them; inputs that reach new code are
# kept in target/fuzz/TARGET, from which the next run continues.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds="${FUZZ_SECONDS:-60}"
mapfile -t all < <(cd fixtures/fuzz && printf '%s\n' */ | tr -d /)
wanted=("$@")
[ ${#wanted[@]} -gt 0 ] || wanted=("${all[@]}")
for target in "${wanted[@]}"; do
  [ -d "fixtures/fuzz/$target" ] || { echo "fuzz: there is no target $target; there are: ${all[*]}" >&2; exit 1; }
done
RUSTC_WORKSPACE_WRAPPER="$PWD/scripts/instrumented.sh" cargo build --quiet --example fuzz --features fuzz
built="${CARGO_TARGET_DIR:-target}/debug/examples/fuzz"
failed=()
printf '%-18s %10s %12s %10s\n' target inputs "edges seen" found
for target in "${wanted[@]}"; do
  kept="fixtures/fuzz/$target" further="target/fuzz/$target"
  mkdir -p "$further"
  before=$(find "$kept" -type f | wc -l)
  # An input may take ten seconds, and a target two gigabytes in total.
  code=0
  FUZZ_TARGET="$target" "$built" "$further" "$kept" \
    -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 \
    -artifact_prefix="$kept/" -print_final_stats=1 >"$further.log" 2>&1 || code=$?
  inputs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$further.log")
  edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$further.log" | tail -1)
  found=$(($(find "$kept" -type f | wc -l) - before))
  printf '%-18s %10s %12s %10s\n' "$target" "${inputs:-–}" "${edges:-–}" "$found"
  if [ "$code" -ne 0 ]; then
    failed+=("$target")
    grep -E -A3 'panicked at|ERROR: libFuzzer' "$further.log" | head -8 >&2 || true
  fi
done
if [ ${#failed[@]} -gt 0 ]; then
  echo "fuzz: something was found in: ${failed[*]}. Logs: target/fuzz/*.log; inputs: git status fixtures/fuzz" >&2
  exit 1
fi
