#!/usr/bin/env bash
# Check format, lint and types of the edge functions, and that their generated files are up to date.
# With `--fix`, format the files instead of checking their format.
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
# `deno test` skips the type check, which halves its time; so the tests are checked here.
"$deno" check --quiet --frozen _shared/*/mod.ts $(ls -- [!_]*/index.ts 2>/dev/null) $(find . -name '*_test.ts')
tests="$root/tests/functions/deliver"
"$deno" check --quiet --frozen --config="$tests/deno.json" "$tests/providers_test.ts"
"$deno" run --quiet --frozen --config=_shared/render/generate/deno.json --allow-read --allow-run \
  --unstable-raw-imports _shared/render/generate.ts --check --quick
"$deno" run --quiet --frozen --config=_shared/render/generate/deno.json --allow-read --unstable-raw-imports \
  _shared/pictures/generate.ts --check
