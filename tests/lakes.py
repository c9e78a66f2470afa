"""A real Postgres and an S3 server for tests of the DuckLake store, started here and stopped at the end."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from spanloft_collector.location import LakeAddress
from spanloft_collector.store.ducklake import DuckLakeStore

BUCKET = "spanloft-test"
AWS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def binaries() -> Path:
    """Folder of Postgres' programs: Debian keeps them out of the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[4]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    assert on_path, "Postgres is missing: run scripts/install_postgres.sh"
    return Path(on_path).parent


class PostgresServer:
    """A Postgres of its own in a temporary folder; ``dsn`` names a database in it."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="spanloft-postgres-"))
        # Postgres refuses to run as root.
        self.user = "postgres" if getpass.getuser() == "root" else None
        if self.user:
            shutil.chown(self.folder, self.user)
        self.port = free_port()
        self._run("initdb", "-D", self.data, "-A", "trust", "-U", "spanloft", "--no-sync", "--no-instructions")
        self.start()

    @property
    def data(self) -> str:
        return str(self.folder / "data")

    def start(self) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c max_connections=100"
        self._run("pg_ctl", "-D", self.data, "-w", "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", self.data, "-w", "-m", "immediate", "stop")

    def dsn(self, database: str) -> str:
        return f"host=127.0.0.1 port={self.port} user=spanloft dbname={database}"

    def create(self, database: str) -> str:
        """A new database; returns its connection string."""
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as session:
            session.execute(f'CREATE DATABASE "{database}"')
        return self.dsn(database)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(binaries() / program), *arguments]
        subprocess.run(command, check=True, user=self.user, cwd="/", stdout=subprocess.DEVNULL, timeout=60)

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def postgres() -> Iterator[PostgresServer]:
    server = PostgresServer()
    try:
        yield server
    finally:
        server.stop()
        server.remove()


@contextmanager
def object_storage() -> Iterator[str]:
    """An S3 server in memory with one bucket; yields its address. The environment's AWS variables must fit it."""
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 30
            while True:
                try:
                    request = urllib.request.Request(f"{endpoint}/{BUCKET}", method="PUT")
                    urllib.request.urlopen(request, timeout=5)
                    break
                except OSError:
                    assert time.monotonic() < deadline, "the S3 server did not start"
                    time.sleep(0.1)
            yield endpoint
        finally:
            process.terminate()


def s3_environment(endpoint: str) -> dict[str, str]:
    return {**os.environ, **AWS, "AWS_ENDPOINT_URL": endpoint}


class Lakes:
    """Makes empty DuckLake stores quickly: copies of one that was made the usual way."""

    def __init__(self, server: PostgresServer, folder: Path) -> None:
        self.server, self.folder = server, folder
        self._made = 0
        self._model = folder / "model"

    def address(self, data: str | None = None) -> LakeAddress:
        """The address of a new, empty store; its data is in a folder unless said otherwise."""
        self._make_model()
        self._made += 1
        name = f"lake{self._made}"
        data = data or f"{self.folder}/{name}-data/"
        with psycopg.connect(self.server.dsn("postgres"), autocommit=True) as session:
            session.execute(f"CREATE DATABASE {name} TEMPLATE model")
        dsn = self.server.dsn(name)
        with psycopg.connect(dsn, autocommit=True) as session:
            session.execute("UPDATE ducklake_metadata SET value = %s WHERE key = 'data_path'", [data])
        return LakeAddress(dsn, data)

    def _make_model(self) -> None:
        if not self._model.exists():
            dsn = self.server.create("model")
            DuckLakeStore(LakeAddress(dsn, f"{self.folder}/model-data/"), self._model).close()

    def local(self, local: Path) -> Path:
        """A machine's folder, with the views in it already."""
        self._make_model()
        local.mkdir(parents=True, exist_ok=True)
        for name in ("spanloft.duckdb", "spanloft.views"):
            shutil.copyfile(self._model / name, local / name)
        return local

    def store(self, local: Path) -> DuckLakeStore:
        address = self.address()
        return DuckLakeStore(address, self.local(local))
