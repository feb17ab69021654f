#!/usr/bin/env bash
# Check format, lint and types of the TypeScript half of the embedded stack.
# With `--fix`, format the files instead of checking their format.
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
# `deno test` skips the type check, which halves its time; so the tests are checked here.
tests="$root/tests/embedded"
"$deno" check --quiet --frozen --config=deno.json --lock=deno.lock "$tests"/realtime/deno/{parts,limits}_test.ts
"$deno" check --quiet --frozen --config="$tests/server/deno.json" --lock="$tests/server/deno.lock" \
  "$tests/server/supabase_js_test.ts" "$tests/realtime/deno/supabase_js_test.ts"
