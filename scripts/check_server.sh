#!/usr/bin/env bash
# Format, lint and type-check the TypeScript half of the local stack. `--fix` formats instead of complaining.
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
export DENO_DIR="${DENO_DIR:-$root/.cache/deno}"
deno="$root/.venv/bin/deno"

cd "$root/supabase_embedded/server"
if [ "${1:-}" = "--fix" ]; then
  "$deno" fmt --quiet
else
  "$deno" fmt --quiet --check
fi
"$deno" lint --quiet
"$deno" check --quiet --frozen main.ts ../bootstrap/platform_schema.ts
# The tests run unchecked, which takes half as long.
tests="$root/tests/embedded"
"$deno" check --quiet --frozen --config=deno.json --lock=deno.lock "$tests"/realtime/deno/{parts,limits}_test.ts
"$deno" check --quiet --frozen --config="$tests/server/deno.json" --lock="$tests/server/deno.lock" \
  "$tests/server/supabase_js_test.ts" "$tests/realtime/deno/supabase_js_test.ts"
