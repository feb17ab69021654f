#!/usr/bin/env bash
# Format, lint and type-check the TypeScript of the edge functions, and hold its generated files against their sources.
# `--fix` formats instead of complaining.
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
export DENO_DIR="${DENO_DIR:-$root/.cache/deno}"
deno="$root/.venv/bin/deno"

cd "$root/supabase/functions"
if [ "${1:-}" = "--fix" ]; then
  "$deno" fmt --quiet
else
  "$deno" fmt --quiet --check
fi
"$deno" lint --quiet
"$deno" check --quiet --frozen _shared/*/mod.ts $(ls -- [!_]*/index.ts 2>/dev/null)
"$deno" run --quiet --frozen --allow-read --unstable-raw-imports _shared/render/generate.ts --check
