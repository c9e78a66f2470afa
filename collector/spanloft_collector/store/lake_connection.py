"""DuckDB connections to a DuckLake: extensions, credentials, and the ATTACH, with errors that say what to do."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb

from spanloft_collector.errors import SpanloftError, StoreError
from spanloft_collector.location import LakeAddress

LAKE = "lake"
"""Name under which connections know the DuckLake."""
STORED = "stored"
"""Its schema with the tables; the schema ``main`` holds the views that users query."""

_EXTENSIONS = {
    "ducklake": "duckdb_extension_ducklake",
    "postgres_scanner": "duckdb_extension_postgres_scanner",
    "httpfs": "duckdb_extension_httpfs",
}
_MISSING = 'pip install "spanloft[scale]"'
RETRIES = 25
"""Commits that meet another one are tried again by the extension itself; with four writers it needs a handful."""


def lake_sql(name: str, **names: str) -> str:
    """Text of ``sql/lake/<name>.sql``; identifiers and quoted texts are filled in, as DDL takes no parameters."""
    text = (files("spanloft_collector") / "sql" / "lake" / f"{name}.sql").read_text()
    return text.format(**names) if names else text


def quoted(text: str) -> str:
    """``text`` as a SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def connect(address: LakeAddress, *, read_only: bool, database: Path | None = None) -> duckdb.DuckDBPyConnection:
    """A connection with the DuckLake attached as ``lake``; the caller closes it.

    Args:
        address: the DuckLake.
        read_only: attach it so that nothing can be written.
        database: a view file that becomes the connection's own database, opened read-only; else one in memory.

    Raises:
        StoreError: Postgres can't be reached, or an extension is missing.
    """
    try:
        connection = duckdb.connect(str(database), read_only=True) if database else duckdb.connect()
    except duckdb.Error as error:
        raise StoreError(f"{database}: can't be opened ({error})") from error
    try:
        attach(connection, address, read_only=read_only)
    except BaseException:
        connection.close()
        raise
    return connection


def attach(connection: duckdb.DuckDBPyConnection, address: LakeAddress, *, read_only: bool) -> None:
    """Attach the DuckLake to a connection as ``lake``.

    Raises:
        StoreError: Postgres can't be reached, or an extension is missing.
    """
    for name in ("ducklake", "postgres_scanner", *(["httpfs"] if address.on_s3 else [])):
        load_extension(connection, name)
    # No progress bar: a collector's stderr is its log. UTC, so that times without a zone mean what they say.
    connection.execute(lake_sql("settings", retries=str(RETRIES)))
    if address.on_s3:
        connection.execute(lake_sql("s3_secret", options=", ".join(s3_options())))
    catalog, password = split_password(address.catalog)
    # The password stays out of what duckdb_databases() shows to whoever may write SQL.
    connection.execute(lake_sql("catalog_secret", password=quoted(password)))
    connection.execute(lake_sql("lake_secret", catalog=quoted(f"postgres:{catalog}"), data=quoted(address.data)))
    try:
        connection.execute(lake_sql("attach", options=" (READ_ONLY)" if read_only else ""))
    except duckdb.Error as error:
        raise StoreError(unreachable(address, error)) from error


def load_extension(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Load an extension from its package, which fits the DuckDB that is installed and needs no network.

    Raises:
        StoreError: it is not installed, or not for this DuckDB.
    """
    file = extension_file(name)
    try:
        connection.execute(lake_sql("load", extension=quoted(str(file)) if file else name))
    except duckdb.Error as error:
        raise StoreError(
            f"DuckDB {duckdb.__version__} can't load its extension {name} ({first_line(error)}); {_MISSING}"
        ) from None


def extension_file(name: str) -> Path | None:
    """The extension's file in its package, or None."""
    try:
        folder = files(_EXTENSIONS[name]) / "extensions" / f"v{duckdb.__version__}"
    except ModuleNotFoundError:
        return None
    file = Path(str(folder)) / f"{name}.duckdb_extension"
    return file if file.exists() else None


def split_password(catalog: str) -> tuple[str, str]:
    """The connection string in libpq's keyword form without its password, and the password; empty when there is none.

    Raises:
        StoreError: it is no connection string.
    """
    conninfo = import_psycopg().conninfo
    try:
        parts = conninfo.conninfo_to_dict(catalog)
    except import_psycopg().Error as error:
        raise StoreError(
            f"SPANLOFT_STORE: no Postgres connection string ({first_line(error)}); "
            "expected host=... dbname=... user=... or postgresql://user@host/dbname"
        ) from None
    password = str(parts.pop("password", "") or "")
    return conninfo.make_conninfo(**parts), password


def import_psycopg() -> Any:
    """The module psycopg.

    Raises:
        SpanloftError: it is not installed.
    """
    try:
        import psycopg
        import psycopg.conninfo
    except ImportError:
        raise SpanloftError(f"a DuckLake store needs psycopg: {_MISSING}") from None
    return psycopg


def s3_options() -> list[str]:
    """Options of DuckDB's S3 secret from the environment that AWS tools read."""
    options = []
    for option, variables in (
        ("KEY_ID", ("AWS_ACCESS_KEY_ID",)),
        ("SECRET", ("AWS_SECRET_ACCESS_KEY",)),
        ("SESSION_TOKEN", ("AWS_SESSION_TOKEN",)),
        ("REGION", ("AWS_REGION", "AWS_DEFAULT_REGION")),
    ):
        value = next((os.environ[name] for name in variables if os.environ.get(name)), None)
        if value:
            options.append(f"{option} {quoted(value)}")
    if (endpoint := s3_endpoint()) is not None:
        parts = urlsplit(endpoint)
        options += [
            f"ENDPOINT {quoted(parts.netloc)}",
            # Servers other than Amazon's rarely have a host name for each bucket.
            "URL_STYLE 'path'",
            f"USE_SSL {str(parts.scheme == 'https').lower()}",
        ]
    return options


def s3_endpoint() -> str | None:
    """URL of the S3 server, where it is not Amazon's."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    return endpoint if not endpoint or "://" in endpoint else f"https://{endpoint}"


def unreachable(address: LakeAddress, error: Exception) -> str:
    """What to say when the catalog can't be attached."""
    reason = first_line(error)
    if "does not exist" in reason and "database" in reason:
        return f"{address}: {reason}; create it with: createdb"
    return f"{address}: can't be opened ({reason}); check that Postgres runs and that the connection string is right"


def first_line(error: Exception) -> str:
    """The first line of an error's text, without a password."""
    text = " ".join(str(error).split("\n\n", 1)[0].split())
    return str(LakeAddress(text, "")).removeprefix("ducklake:postgres:").removesuffix(";data=")
