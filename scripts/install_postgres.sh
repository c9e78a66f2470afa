#!/bin/sh
# The tests of the DuckLake store start a Postgres of their own; only its programs are needed, no running server.
set -eu
if [ "$(id -u)" -eq 0 ]; then sudo=""; else sudo="sudo"; fi
if ! command -v apt-get >/dev/null 2>&1; then
    echo "Postgres is missing: install it with your system's package manager (package postgresql)" >&2
    exit 1
fi
echo "Installing Postgres for the tests ..."
$sudo apt-get update -qq
# No cluster of the system's own: nothing is to run or to listen.
$sudo mkdir -p /etc/postgresql-common
[ -e /etc/postgresql-common/createcluster.conf ] ||
    echo "create_main_cluster = false" | $sudo tee /etc/postgresql-common/createcluster.conf >/dev/null
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends postgresql >/dev/null
