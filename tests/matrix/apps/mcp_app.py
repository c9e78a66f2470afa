# ruff: noqa: E402
import spanloft

spanloft.instrument()

from mcp.client import Client
from mcp.server import MCPServer
from support import case_async, get_order

server = MCPServer("orders")
server.tool()(get_order)


@server.tool()
def refuse(order_id: str) -> str:
    """Always fails."""
    raise ValueError(f"no order {order_id}")


async def call(name: str) -> None:
    async with Client(server) as client:
        await client.call_tool(name, {"order_id": "A-1"})


case_async("async_tool", lambda: call("get_order"), tools=["get_order"])
case_async("async_tool_failed", lambda: call("refuse"), tools=["refuse"])
