"""How the dashboard process is started: the command and the environment, so that nothing phones home or asks."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from spanloft_collector.lean import ALLOCATOR
from spanloft_collector.location import Location, setting_of

STORE_VARIABLE = "SPANLOFT_STORE"
LOCAL_VARIABLE = "SPANLOFT_LOCAL"
ENDPOINT_VARIABLE = "SPANLOFT_ENDPOINT"
MAIN = Path(__file__).parent / "app" / "main.py"
"""The entry script has a folder of its own: beside a folder named ``pages`` Streamlit would run those by itself."""

# Flags win over every config file, so a .streamlit/config.toml in the user's folder can't open the server to the
# network, show stack traces or send usage statistics.
FLAGS: Mapping[str, str] = {
    "server.headless": "true",
    "server.showEmailPrompt": "false",
    "server.fileWatcherType": "none",
    "server.runOnSave": "false",
    "server.enableStaticServing": "true",
    "server.enableAgentApi": "false",
    "server.enableXsrfProtection": "true",
    "browser.gatherUsageStats": "false",
    "client.toolbarMode": "minimal",
    "client.showErrorDetails": "none",
    "client.showErrorLinks": "false",
    "global.disableWidgetStateDuplicationWarning": "true",
    "logger.level": "warning",
    "runner.magicEnabled": "false",
    # A full collection after every script run took an eighth of the server's time; Python collects by itself.
    "runner.postScriptGC": "false",
}


def command(store: Location, host: str, port: int) -> list[str]:
    """Command line that serves the dashboard of ``store`` on ``host:port``.

    The store itself travels in the environment, see ``environment``; it is an argument here so that a process
    list shows which dashboard belongs to which store.
    """
    flags = {**FLAGS, "server.address": host, "server.port": str(port), "browser.serverAddress": host}
    return [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(MAIN),
        *(f"--{name}={value}" for name, value in flags.items()),
        "--",
        # Without a password: this is what a process list shows.
        str(store),
    ]


def environment(store: Location, endpoint: str | None = None, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """Environment of the dashboard process.

    Args:
        store: where the store is.
        endpoint: OTLP/HTTP address that an empty dashboard tells people to send to, such as http://127.0.0.1:4318.
        base: environment to start from; that of this process when not given.
    """
    # Every script run is a thread; with an arena for each group of them the server's memory creeps up.
    values = {**ALLOCATOR, **(os.environ if base is None else base)}
    values[STORE_VARIABLE] = setting_of(store)
    if endpoint:
        values[ENDPOINT_VARIABLE] = endpoint
    # The dashboard must not trace itself into the store it shows.
    values["OTEL_SDK_DISABLED"] = "true"
    return values
