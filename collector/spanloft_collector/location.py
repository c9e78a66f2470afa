"""Where a store is: a directory, or a DuckLake on Postgres and a data path."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from spanloft_collector.errors import SpanloftError

ADDRESS_FILE = "collector.json"
"""In a store's folder: where its collector listens."""
LOCK_FILE = "collector.lock"
"""In a store's folder: held by its collector."""
INGEST_LOCK = "ingest.lock"
"""In a store's folder: held by the pipeline that publishes."""

PREFIX = "ducklake:"
_CATALOG = "ducklake:postgres:"
_DATA = ";data="
_EXPECTED = (
    "expected ducklake:postgres:CONNECTION;data=PATH, such as "
    "'ducklake:postgres:host=db.example dbname=spanloft user=spanloft;data=s3://bucket/prefix'"
)
_PASSWORDS = (
    re.compile(r"(password\s*=\s*)('(?:[^'\\]|\\.)*'|\S+)", re.IGNORECASE),
    re.compile(r"(://[^/@:\s]*:)([^@/\s]*)(?=@)"),
    re.compile(r"([?&]password=)([^&\s]*)", re.IGNORECASE),
)


@dataclass(frozen=True, slots=True)
class LakeAddress:
    """A DuckLake: ``catalog`` is a libpq connection string or URI, ``data`` a folder or ``s3://bucket/prefix/``."""

    catalog: str = field(repr=False)
    data: str

    def __str__(self) -> str:
        """The address as messages show it: without the password."""
        shown = self.catalog
        for pattern in _PASSWORDS:
            shown = pattern.sub(r"\1***", shown)
        return f"{_CATALOG}{shown}{_DATA}{self.data}"

    @property
    def text(self) -> str:
        """The address as a setting takes it, with the password."""
        return f"{_CATALOG}{self.catalog}{_DATA}{self.data}"

    @property
    def on_s3(self) -> bool:
        """Whether the data is in object storage."""
        return self.data.startswith("s3://")

    @property
    def default_local(self) -> Path:
        """Folder for this machine's journal when none is set: one for each DuckLake."""
        digest = hashlib.sha256(self.text.encode()).hexdigest()[:12]
        return Path("~/.spanloft").expanduser() / f"lake-{digest}"


Location = Path | LakeAddress


def announced_url(store: Path) -> str | None:
    """Base URL that a collector left in a store's folder, running or not; None where there is none."""
    try:
        return str(json.loads((store / ADDRESS_FILE).read_bytes())["http"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def parse_location(text: str) -> Location:
    """A store's location from a setting.

    Raises:
        SpanloftError: it begins like the address of a DuckLake and is none.
    """
    if not text.startswith(PREFIX):
        return Path(text)
    catalog, separator, data = text.removeprefix(_CATALOG).rpartition(_DATA)
    if not text.startswith(_CATALOG) or not separator or not catalog.strip() or not data.strip():
        raise SpanloftError(f"SPANLOFT_STORE: {_EXPECTED}")
    data = data.strip()
    if "://" in data:
        if not re.fullmatch(r"s3://[^/]+(/.*)?", data):
            raise SpanloftError(f"SPANLOFT_STORE: data={data}: expected a folder or s3://BUCKET/PREFIX")
    else:
        data = str(Path(data).expanduser().resolve())
    return LakeAddress(catalog.strip(), data.rstrip("/") + "/")


def setting_of(location: Location) -> str:
    """The location as ``SPANLOFT_STORE`` takes it, in another working directory, too."""
    return location.text if isinstance(location, LakeAddress) else str(location.expanduser().resolve())


def local_folder(location: Location, local: Path | None) -> Path:
    """Folder on this machine with the journal and the views: the store itself, if that is a directory."""
    if isinstance(location, LakeAddress):
        return (local or location.default_local).expanduser().resolve()
    return location.expanduser().resolve()
