"""People who open pages of a dashboard at the same moment, without their browsers.

A viewer opens a page's websocket as a browser does (Streamlit's own messages), and the page is there when its script
and all panels have run. Twenty Chromium pages take thirty seconds of CPU by themselves: beside the server on the same
cores they measure the browser, not the server.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect

PATIENCE_S = 60.0
"""A page that is not there by then counts as this long."""


async def load(base: str, path: str, query: str) -> float:
    """Seconds from opening the connection to the end of the page's script and panels.

    Args:
        base: address of the dashboard, such as http://127.0.0.1:8501.
        path: of the page, without a slash; empty for the first one.
        query: of the page's address, without the question mark.
    """
    began = time.perf_counter()
    try:
        await asyncio.wait_for(_load(base, path, query), PATIENCE_S)
    except TimeoutError:
        return PATIENCE_S
    return time.perf_counter() - began


async def _load(base: str, path: str, query: str) -> None:
    address = f"ws{base.removeprefix('http')}/_stcore/stream"
    # Messages beyond a megabyte are usual: a chart comes in one.
    async with connect(address, subprotocols=["streamlit"], origin=base, max_size=None) as socket:  # type: ignore[list-item,arg-type]
        ask = BackMsg()
        ask.rerun_script.query_string = query
        ask.rerun_script.page_name = path
        ask.rerun_script.context_info.timezone = "UTC"
        ask.rerun_script.context_info.url = f"{base}/{path}?{query}"
        await socket.send(ask.SerializeToString())
        async for raw in socket:
            answer = ForwardMsg()
            answer.ParseFromString(raw if isinstance(raw, bytes) else raw.encode())
            if answer.WhichOneof("type") == "script_finished":
                return


async def together(base: str, paths: Sequence[str], query: str, count: int, rounds: int, pause_s: float) -> list[float]:
    """Loads in seconds of ``count`` people, each of whom opens ``rounds`` pages, ``pause_s`` apart on average.

    Without a pause all begin at the same moment, on different pages; with one nobody waits for the others.
    """
    times: list[float] = []
    chance = random.Random(count)

    async def view(number: int) -> None:
        for step in range(rounds):
            await asyncio.sleep(chance.uniform(0, 2 * pause_s))
            times.append(await load(base, paths[(number + step) % len(paths)], query))

    await asyncio.gather(*(view(number) for number in range(count)))
    return times
