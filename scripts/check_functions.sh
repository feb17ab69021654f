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
# The tests run unchecked, which takes half as long.
"$deno" check --quiet --frozen _shared/*/mod.ts $(ls -- [!_]*/index.ts 2>/dev/null) $(find . -name '*_test.ts')
tests="$root/tests/functions/deliver"
"$deno" check --quiet --frozen --config="$tests/deno.json" "$tests/providers_test.ts"
"$deno" run --quiet --frozen --config=_shared/render/generate/deno.json --allow-read --allow-run \
  --unstable-raw-imports _shared/render/generate.ts --check --quick
"$deno" run --quiet --frozen --config=_shared/render/generate/deno.json --allow-read --unstable-raw-imports \
  _shared/pictures/generate.ts --check
