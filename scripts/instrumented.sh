#!/usr/bin/env bash
# Cargo's wrapper around the compiler for `make fuzz` (RUSTC_WORKSPACE_WRAPPER): this workspace's crates count the
# edges of their code for libFuzzer, as clang's -fsanitize=fuzzer does. Others' crates stay as they are built for
# the tests; so does what runs while building.
set -euo pipefail
case " $* " in
*" --crate-name build_script_"* | *" --crate-type proc-macro "* | *" --print "*) exec "$@" ;;
esac
exec "$@" \
  -Cpasses=sancov-module \
  -Cllvm-args=-sanitizer-coverage-level=4 \
  -Cllvm-args=-sanitizer-coverage-trace-compares \
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
  -Cllvm-args=-sanitizer-coverage-pc-table \
  -Ccodegen-units=1
