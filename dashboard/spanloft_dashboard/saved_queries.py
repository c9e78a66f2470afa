"""Queries that people saved: ``.sql`` files in ``<store>/queries``.

People expect to find them again in another browser and on another day, so they are neither in the link nor in the
browser's storage. They are no observations, so they do not belong into the store's data, which expires. A file beside
it can be read, put under version control, and run by the duckdb CLI.
"""

from __future__ import annotations

import re
from pathlib import Path

from spanloft_collector.durable import write_durably
from spanloft_collector.errors import SpanloftError

FOLDER = "queries"
NAME = re.compile(r"\w(?:[\w \-]{0,58}\w)?")
"""Names are names of files: letters, digits, blanks, hyphens; at most 60 characters."""
MAX_BYTES = 64 << 10
MAX_QUERIES = 500


class SavedQueries:
    """The saved queries of a store."""

    def __init__(self, root: Path) -> None:
        """Prepare; ``root`` is the folder of the store's view file. Nothing is made before something is saved."""
        self.folder = root / FOLDER

    def names(self) -> list[str]:
        """Names in order of the alphabet; files whose name can't have been given here are left alone."""
        try:
            found = [path.stem for path in self.folder.glob("*.sql") if NAME.fullmatch(path.stem)]
        except OSError:
            return []
        return sorted(found, key=str.casefold)[:MAX_QUERIES]

    def read(self, name: str) -> str:
        """Text of a saved query.

        Raises:
            SpanloftError: there is none of that name, or it can't be read.
        """
        path = self._path(name)
        try:
            with path.open("rb") as file:
                return file.read(MAX_BYTES).decode()
        except (OSError, UnicodeDecodeError) as error:
            raise SpanloftError(f"the saved query {name!r} can't be read ({_reason(error)})") from None

    def save(self, name: str, statement: str) -> None:
        """Write a query under a name; one of that name is replaced.

        Raises:
            SpanloftError: the name or the text can't be kept, or the folder can't be written.
        """
        path = self._path(name)
        text = statement.strip() + "\n"
        if not statement.strip():
            raise SpanloftError("there is nothing to save: write a statement first")
        if len(text.encode()) > MAX_BYTES:
            raise SpanloftError(f"a saved query may have {MAX_BYTES >> 10} kB; this one is longer")
        if not path.exists() and len(self.names()) >= MAX_QUERIES:
            raise SpanloftError(f"{MAX_QUERIES} queries are saved already; delete one first")
        try:
            self.folder.mkdir(exist_ok=True)
            write_durably(path, text.encode())
        except OSError as error:
            reason = f"can't write to {self.folder} ({_reason(error)})"
            raise SpanloftError(f"{reason}; the link of this page holds the query") from None

    def delete(self, name: str) -> None:
        """Forget a query; one that is gone already is no error.

        Raises:
            SpanloftError: the file can't be removed.
        """
        try:
            self._path(name).unlink(missing_ok=True)
        except OSError as error:
            raise SpanloftError(f"the saved query {name!r} can't be deleted ({_reason(error)})") from None

    def _path(self, name: str) -> Path:
        if not NAME.fullmatch(name):
            raise SpanloftError("a name has 1 to 60 letters, digits, blanks or hyphens, such as 'Spend by team'")
        return self.folder / f"{name}.sql"


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else "it is not UTF-8"
