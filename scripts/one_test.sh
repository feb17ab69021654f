#!/usr/bin/env bash
# Run a test, or a file of them, against a stack that stays up for the next time:
#
#   scripts/one_test.sh tests/sdk/_async/test_spaces.py -k create
#   scripts/one_test.sh --stop
#
# The stack is in .cache/test-stack; its database is made anew when a migration has changed. Tests that want a stack or a
# server of their own start one all the same.
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
cd "$root"
export PYTHONDONTWRITEBYTECODE= # Where it is set, each start compiles everything.
monogram="$root/.venv/bin/monogram"
stack="$root/.cache/test-stack"
mkdir -p "$root/.cache"
found="$root/.cache/test-stack.env"

if [ "${1:-}" = --stop ]; then
  exec "$monogram" dev stop --dir "$stack"
fi
if ! "$monogram" dev status --output env --dir "$stack" > "$found.new" 2> /dev/null; then
  "$monogram" dev --detach --dir "$stack" > /dev/null
  "$monogram" dev status --output env --dir "$stack" > "$found.new"
elif [ ! -e "$found" ] || [ -n "$(find supabase/migrations supabase/seed.sql -newer "$found" -print -quit)" ]; then
  "$monogram" dev reset --dir "$stack" > /dev/null
fi
mv "$found.new" "$found"
. "$found"
export MONOGRAM_TEST_API_URL="$API_URL" MONOGRAM_TEST_PUBLISHABLE_KEY="$PUBLISHABLE_KEY" MONOGRAM_TEST_SECRET_KEY="$SECRET_KEY"
exec "$root/.venv/bin/python" -m pytest -q -p no:randomly "$@"
