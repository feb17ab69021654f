#!/usr/bin/env bash
# Run a test, or a file of them, against a stack that stays up for the next time:
#
#   scripts/one_test.sh tests/sdk/_async/test_spaces.py -k create
#   scripts/one_test.sh --stop
#
# The stack is in .cache/test-stack, with a fresh database for each run. Tests that want a stack or a server of their own start
# one all the same.
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
cd "$root"
monogram="$root/.venv/bin/monogram"
folder=(--dir "$root/.cache/test-stack")

if [ "${1:-}" = --stop ]; then
  exec "$monogram" dev stop "${folder[@]}"
fi
if found=$("$monogram" dev status --output env "${folder[@]}" 2> /dev/null); then
  "$monogram" dev reset "${folder[@]}" > /dev/null
else
  "$monogram" dev --detach "${folder[@]}" > /dev/null
  found=$("$monogram" dev status --output env "${folder[@]}")
fi
eval "$found"
export MONOGRAM_TEST_API_URL="$API_URL" MONOGRAM_TEST_PUBLISHABLE_KEY="$PUBLISHABLE_KEY" MONOGRAM_TEST_SECRET_KEY="$SECRET_KEY"
exec "$root/.venv/bin/python" -m pytest -q -p no:randomly "$@"
