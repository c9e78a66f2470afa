"""The ``spanloft`` command: ``run`` needs the SDK alone, every other command what the extras bring."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from types import ModuleType
from typing import NoReturn


def main() -> None:
    """Run the command line; errors meant for people end in one line, never in a traceback."""
    arguments = sys.argv[1:]
    try:
        if arguments[:1] == ["run"]:
            raise SystemExit(run_program(arguments[1:]))
        # Not for `run`, which starts somebody's program: the root logger is theirs to configure.
        logging.basicConfig(level=log_level(), format="%(levelname)s %(message)s")
        if arguments[:1] == ["load"]:
            # pyarrow imports it where it is, half a second, and a load has no use for it.
            part("spanloft_collector.lean").without_pandas()
        part("spanloft.command_line").app()
    except Exception as error:
        # Ours carry a message for the reader; their class lives in a part that may not be installed.
        if any(base.__name__ == "SpanloftError" for base in type(error).__mro__):
            fail(str(error))
        raise


def log_level() -> str:
    """Level from SPANLOFT_LOG_LEVEL; an unknown one ends in one line."""
    level = os.environ.get("SPANLOFT_LOG_LEVEL", "WARNING").upper()
    if level not in logging.getLevelNamesMapping():
        fail(f"SPANLOFT_LOG_LEVEL={level}: expected DEBUG, INFO, WARNING or ERROR", 2)
    return level


def run_program(arguments: list[str]) -> int:
    """Run a Python program instrumented; returns its exit code."""
    if not arguments or arguments[0] in ("-h", "--help"):
        sys.stdout.write("Usage: spanloft run [-m MODULE | SCRIPT.py] [ARG]...\n")
        return 0 if arguments else 2
    return int(part("spanloft.launch").run(arguments))


def part(module: str) -> ModuleType:
    """Import a part that an extra brings.

    Raises:
        SystemExit: the extra is missing; one line says how to install it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = (error.name or module).partition(".")[0]
        fail(f'{missing} is missing: pip install "spanloft[all]"')


def fail(message: str, code: int = 1) -> NoReturn:
    """Print one line to stderr and exit."""
    sys.stderr.write(f"spanloft: {message}\n")
    raise SystemExit(code)


if __name__ == "__main__":
    main()
