"""Compiles the OTLP decoder and its helper while Spanloft is installed from source, where there is a C compiler.

Without one, or with SPANLOFT_PURE=1, the installation goes on and protobuf's own objects decode: slower, same results.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = Path("collector", "spanloft_collector")
MODULES = ("wire/_otlp", "wire/_check", "wire/_contents", "store/_texts", "receivers/_seen")


class CompileDecoder(BuildHookInterface[Any]):
    """Puts the compiled modules beside their sources and into the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it builds a wheel or an editable install."""
        folder = Path(self.root) / PACKAGE
        for module in MODULES:
            library = folder / f"{module}.abi3.so"
            library.unlink(missing_ok=True)
            reason = compile_library(folder / f"{module}.c", library)
            if reason:
                self.app.display_warning(f"the compiled module {module} is left out: {reason}")
                continue
            build_data["artifacts"].append(f"/{(PACKAGE / module).as_posix()}.abi3.so")
        if not build_data["artifacts"]:
            return
        build_data["pure_python"] = False
        # One file serves every CPython from 3.11 on (the stable ABI); the platform is this machine's.
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"cp311-abi3-{platform}"


def compile_library(source: Path, library: Path) -> str | None:
    """Compile; None when it worked, else why it did not."""
    if os.environ.get("SPANLOFT_PURE") == "1":
        return "SPANLOFT_PURE=1"
    if sys.implementation.name != "cpython" or os.name != "posix" or sysconfig.get_config_var("Py_GIL_DISABLED"):
        return "it is for CPython with the GIL on Linux and macOS"
    shared = ["-bundle", "-undefined", "dynamic_lookup"] if sys.platform == "darwin" else ["-shared"]
    compiler = shlex.split(os.environ.get("CC") or "cc")
    include = sysconfig.get_paths()["include"]
    command = [*compiler, "-O2", "-fPIC", *shared, f"-I{include}", str(source), "-o", str(library)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{command[0]}: {error}"
    if done.returncode:
        library.unlink(missing_ok=True)
        return (done.stderr.strip().splitlines() or ["the compiler failed"])[0]
    return None
