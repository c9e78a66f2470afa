"""Pictures of every page for the README and the docs: ``python scripts/screenshots.py STORE [OUT]``.

Starts a dashboard on STORE, opens every page in Chromium in light and dark at 1280 px, the overview at the width of
a phone, and a trace; writes PNG files to OUT (docs/screenshots).
"""

from __future__ import annotations

import argparse
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright
from spanloft_collector.store.reader import DuckDBReader
from spanloft_dashboard.launch import command, environment
from spanloft_dashboard.navigation import ENTRIES

WIDTH, PHONE, HEIGHT, TALLEST = 1280, 390, 860, 3600
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-headless-shell")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--force-color-profile=srgb",
]
TRACE = """
SELECT trace_id FROM traces WHERE llm_calls > 0 AND spans BETWEEN 4 AND 40
ORDER BY session_id IS NOT NULL DESC, errors > 0 DESC, spans DESC, start_time DESC LIMIT 1
"""


@contextmanager
def serve(store: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(command(store, "127.0.0.1", port), env=environment(store), stdout=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1).close()
                break
            except OSError:
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def shoot(browser: Browser, url: str, out: Path, scheme: str, width: int) -> None:
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": HEIGHT}, device_scale_factor=1
    )
    page = context.new_page()
    page.goto(url)
    page.get_by_test_id("stMainBlockContainer").wait_for()
    for _ in range(2):
        app = page.get_by_test_id("stApp")
        expect(app).to_have_attribute("data-test-script-state", "notRunning", timeout=60_000)
        expect(page.get_by_test_id("stSkeleton")).to_have_count(0, timeout=60_000)
        tall = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
        page.set_viewport_size({"width": width, "height": max(HEIGHT, min(tall, TALLEST))})
        page.wait_for_timeout(900)
    page.screenshot(path=out)
    context.close()
    print(f"{out}: {scheme}, {width} px")


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the screenshots of the dashboard.")
    parser.add_argument("store", type=Path)
    parser.add_argument("out", type=Path, nargs="?", default=Path("docs/screenshots"))
    parser.add_argument("--range", default="7d", help="time range of the pictures")
    parser.add_argument("--only", help="make only the pictures of this page")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    pages = {entry.file: f"/{entry.path}?range={arguments.range}" for entry in ENTRIES}
    found = DuckDBReader(arguments.store / "spanloft.duckdb").sql(TRACE).to_pylist()
    if found:
        pages["trace"] = f"/traces?trace={found[0]['trace_id']}"
    chosen = {name: path for name, path in pages.items() if arguments.only in (None, name)}
    with serve(arguments.store.resolve()) as base, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        for name, path in chosen.items():
            for scheme in ("light", "dark"):
                shoot(browser, base + path, arguments.out / f"{name}-{scheme}.png", scheme, WIDTH)
        if arguments.only in (None, "overview"):
            shoot(browser, base + pages["overview"], arguments.out / "overview-phone.png", "light", PHONE)
        browser.close()


if __name__ == "__main__":
    main()
