"""Chromium from the system, and dashboards on synthetic stores."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import synthetic
import synthetic_stories
from browsing import is_local, settle
from playwright.sync_api import Browser, BrowserContext, Page, expect
from spanloft_collector.store.parquet import ParquetStore
from spanloft_dashboard.launch import command, environment

START_S = 40.0
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The first one draws no window around a page: it takes a quarter less CPU."""
STILL = "reduce"
"""No animations: a page that waits for its data would be drawn all the time, by the processor."""


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    chromium = next(filter(None, map(shutil.which, BROWSERS)), None)
    if chromium is None:
        pytest.skip("no Chromium here; install it with: apt-get install chromium-headless-shell")
    quiet = [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ]
    return {**browser_type_launch_args, "executable_path": chromium, "args": quiet}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_context_args, "reduced_motion": STILL}


@contextmanager
def dashboard(store: Path, log: Path) -> Iterator[str]:
    """Serve the dashboard of a store; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command(store, "127.0.0.1", port),
            env=environment(store, "http://127.0.0.1:4318"),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait(f"http://127.0.0.1:{port}/_stcore/health", process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            urllib.request.urlopen(url, timeout=1).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"the dashboard did not start:\n{log.read_text()}")


@pytest.fixture(scope="session")
def serving() -> Callable[[Path, Path], AbstractContextManager[str]]:
    """Serves a store of a test's own: see ``dashboard``."""
    return dashboard


@pytest.fixture(scope="session")
def full_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic.publish(tmp_path_factory.mktemp("full"), 6_000).root


@pytest.fixture(scope="session")
def full_dashboard(full_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with dashboard(full_store, tmp_path_factory.mktemp("log") / "dashboard.log") as url:
        yield url


@pytest.fixture(scope="session")
def empty_dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    store = ParquetStore(tmp_path_factory.mktemp("empty")).root
    with dashboard(store, tmp_path_factory.mktemp("log") / "dashboard.log") as url:
        yield url


@pytest.fixture(scope="session")
def incident_dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    store = synthetic_stories.incident(tmp_path_factory.mktemp("incident")).root
    with dashboard(store, tmp_path_factory.mktemp("log") / "dashboard.log") as url:
        yield url


@pytest.fixture(scope="module")
def at_width(browser: Browser) -> Iterator[Callable[[int], BrowserContext]]:
    """Makes a viewer with a window of a width, or gives the one there is: its browser keeps compiled scripts."""
    viewers: dict[int, BrowserContext] = {}

    def context(width: int) -> BrowserContext:
        if width not in viewers:
            viewers[width] = browser.new_context(
                color_scheme="light",
                viewport={"width": width, "height": 900},
                timezone_id="Asia/Tokyo",
                reduced_motion=STILL,
            )
        return viewers[width]

    yield context
    for viewer in viewers.values():
        viewer.close()


@pytest.fixture
def visit(at_width: Callable[[int], BrowserContext]) -> Iterator[Callable[..., Page]]:
    """Open a path; at the end nothing foreign may have been called and nothing may have failed."""
    opened: list[Page] = []
    foreign: list[str] = []

    def open_path(base: str, path: str, *, width: int = 1280) -> Page:
        page = at_width(width).new_page()
        opened.append(page)
        page.on("request", lambda request: foreign.append(request.url) if not is_local(request.url, base) else None)
        page.goto(base + path)
        expect(page.get_by_test_id("stMainBlockContainer")).to_be_visible()
        settle(page)
        return page

    yield open_path
    failed = [page.url for page in opened if page.get_by_test_id("stException").count()]
    for page in opened:
        page.close()
    assert failed == []
    assert foreign == []
