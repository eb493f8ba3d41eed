"""A FastAPI application with one MCP tool, protected as PROTECT says: none, introspect or local.

It answers as the MCP SDK does by itself, or with as little work as can be asked of that SDK, where LEAN is set.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from auth_agent_mcp import AuthAgentMiddleware
from fastapi import FastAPI
from mcp.server.mcpserver import MCPServer

server = MCPServer("bench")


@server.tool()
async def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


lean = os.environ["LEAN"] == "yes"
mcp_app = server.streamable_http_app(json_response=lean, stateless_http=lean)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with mcp_app.router.lifespan_context(mcp_app):
        yield


app: Any = FastAPI(lifespan=lifespan)
app.mount("/", mcp_app)
if os.environ["PROTECT"] != "none":
    app.add_middleware(
        AuthAgentMiddleware,
        server_id=os.environ["AUTH_AGENT_SERVER_ID"],
        api_key=os.environ["AUTH_AGENT_API_KEY"],
        auth_server=os.environ["AUTH_AGENT_URL"],
        validation=os.environ["PROTECT"],
    )

uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning", access_log=False)
