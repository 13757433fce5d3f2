#!/usr/bin/env bash
# Cargo's compiler wrapper for `make fuzz` (RUSTC_WORKSPACE_WRAPPER): this workspace's crates count the edges of
# their code for libFuzzer, like clang's -fsanitize=fuzzer. Dependencies are built as for the tests, and so are
# build scripts and procedural macros.
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
