"""The scripts that draw: each is a module of its own for Streamlit, with what all of them share before it."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent


def script(name: str) -> str:
    """Source of ``<name>.js`` behind ``width.js``."""
    return "".join((_FOLDER / f"{part}.js").read_text() for part in ("width", name))
