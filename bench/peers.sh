#!/bin/sh
# Installs the programs that the benchmark compares with, where Debian's
# packages may be had. The server of PostgreSQL that the package would start is
# not needed: the benchmark runs one of its own.
set -eu

missing=
command -v sqlite3 >/dev/null || missing="$missing sqlite3"
command -v rg >/dev/null || missing="$missing ripgrep"
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing="$missing postgresql-15"
[ -n "$missing" ] || { echo "all peers are installed"; exit 0; }

command -v apt-get >/dev/null || { echo "to be installed by hand:$missing" >&2; exit 1; }
[ "$(id -u)" = 0 ] || { echo "run as root: apt-get install$missing" >&2; exit 1; }
apt-get update
if echo "$missing" | grep -q postgresql; then
  mkdir -p /etc/postgresql-common
  [ -e /etc/postgresql-common/createcluster.conf ] || echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf
fi
# shellcheck disable=SC2086 # several packages
DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
