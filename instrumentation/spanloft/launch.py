"""``spanloft run``: runs a script or module as ``python`` would, with its LLM calls traced and no line changed."""

from __future__ import annotations

import builtins
import io
import os
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, TracebackType

from . import instrument
from ._log import contained

USAGE = "usage: spanloft run [-m MODULE | SCRIPT] [ARGUMENT ...]"
BOOTSTRAP = Path(__file__).parent / "_bootstrap"
"""Folder whose ``sitecustomize`` instruments the Python processes that the app starts."""


def run(argv: list[str]) -> int:
    """Runs ``SCRIPT args`` or ``-m MODULE args`` in this interpreter, instrumented.

    Returns the exit code: 0, 1 after an exception (printed as Python prints it), 2 for wrong usage.
    ``SystemExit`` and ``KeyboardInterrupt`` of the app pass through.
    """
    if not argv or argv == ["-m"] or (argv[0].startswith("-") and argv[0] != "-m"):
        sys.stderr.write(USAGE + "\n")
        return 2
    as_module = argv[0] == "-m"
    if not as_module and not Path(argv[0]).exists():
        sys.stderr.write(f"spanloft run: no such file: {argv[0]}\n")
        return 2
    target, sys.argv = (argv[1], argv[1:]) if as_module else (argv[0], argv)
    with contained("passing on the instrumentation to subprocesses"):
        inherit()
    _name_service(target)
    instrument()
    start: Callable[[str], None] = _run_module if as_module else _run_path
    try:
        start(target)
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as error:
        error.__traceback__ = _without_our_frames(error.__traceback__)
        sys.excepthook(type(error), error, error.__traceback__)
        return 1
    return 0


def inherit() -> None:
    """Makes Python processes started from here trace their LLM calls too, by way of ``PYTHONPATH``."""
    folder = str(BOOTSTRAP)
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path and path != folder]
    os.environ["PYTHONPATH"] = os.pathsep.join([folder, *paths])


def _name_service(target: str) -> None:
    # Decided here, not from sys.argv, and for subprocesses too: they are parts of the same app.
    from .config import _service_from_environment

    if _service_from_environment() is None:
        name = Path(target).stem if target.endswith(".py") else target.rstrip("/").rpartition("/")[2]
        os.environ["OTEL_SERVICE_NAME"] = name.removesuffix(".__main__") or "python"


def _run_module(name: str) -> None:
    # python -m has the working directory in front, where the console script has its own folder.
    _replace_first_path(os.getcwd())
    runpy.run_module(name, run_name="__main__", alter_sys=True)


def _run_path(name: str) -> None:
    path = Path(name)
    if path.is_dir() or path.suffix in (".zip", ".pyz"):
        _replace_first_path(str(path))
        runpy.run_path(name, run_name="__main__")
        return
    _replace_first_path(str(path.resolve().parent))
    with io.open_code(str(path.resolve())) as file:
        code = compile(file.read(), name, "exec", dont_inherit=True)
    # A real __main__ that stays after the last line: threads, atexit and pickles of the app refer to it.
    main = ModuleType("__main__")
    vars(main).update(__file__=name, __builtins__=builtins, __cached__=None, __spec__=None)
    sys.modules["__main__"] = main
    exec(code, vars(main))


def _replace_first_path(folder: str) -> None:
    if getattr(sys.flags, "safe_path", False):
        return
    if sys.path:
        sys.path[0] = folder
    else:
        sys.path.append(folder)


def _without_our_frames(trace: TracebackType | None) -> TracebackType | None:
    ours = {__file__, runpy.__file__}
    while trace is not None and trace.tb_next is not None:
        name = trace.tb_frame.f_code.co_filename
        if name not in ours and name != "<frozen runpy>":
            break
        trace = trace.tb_next
    return trace
