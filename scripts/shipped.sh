#!/usr/bin/env bash
# Checks the files of deploy/ and the release workflow with validators for their formats. `tests/shipped.rs` checks
# whether what they name exists.
set -euo pipefail
cd "$(dirname "$0")/.."
check-jsonschema --quiet --builtin-schema vendor.compose-spec deploy/compose.yaml
check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
kubernetes-validate --strict --quiet deploy/kubernetes.yaml
if command -v systemd-analyze >/dev/null; then
  # The program is not installed here.
  unit=$(mktemp -d)
  sed 's|/usr/local/bin/sidetone|/bin/true|' deploy/sidetone.service > "$unit/sidetone.service"
  systemd-analyze verify "$unit/sidetone.service"
  rm -r "$unit"
else
  echo "lint: no systemd-analyze here; deploy/sidetone.service is not checked" >&2
fi
