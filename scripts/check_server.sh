#!/usr/bin/env bash
# Format, lint and type-check the TypeScript half of the local stack. `--fix` formats instead of complaining.
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
export DENO_DIR="${DENO_DIR:-$root/.cache/deno}"
deno="$root/.venv/bin/deno"

cd "$root/monogram_sdk/local/server"
if [ "${1:-}" = "--fix" ]; then
  "$deno" fmt --quiet
else
  "$deno" fmt --quiet --check
fi
"$deno" lint --quiet
"$deno" check --quiet --frozen main.ts ../platform_schema.ts
