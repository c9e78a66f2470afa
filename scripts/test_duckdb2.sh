#!/bin/sh
# Run the store's contract on another DuckDB than the one of the lock: scripts/test_duckdb2.sh [VERSION]
# A throw-away environment is laid over .venv, so only DuckDB itself is installed.
set -eu
cd "$(dirname "$0")/.."
version=${1:-2.0.0}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
packages=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
.venv/bin/python -m venv --without-pip "$folder/venv"
.venv/bin/uv pip install --quiet --python "$folder/venv/bin/python" "duckdb==$version"
# What is installed in .venv comes behind: this DuckDB hides that one, and the editable install stays in reach.
echo "import site; site.addsitedir('$packages')" > "$("$folder/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/zz-main.pth"
"$folder/venv/bin/python" -c "import duckdb, sys; sys.exit(duckdb.__version__ != '$version')"
# DuckLake's extensions come as packages for exactly the DuckDB of the lock, so its store stays out.
"$folder/venv/bin/python" -m pytest -q -k "not ducklake" tests/contract/test_store.py tests/unit/test_store_readers.py
