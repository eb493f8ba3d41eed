"""Serves what the conformance suite calls, with the official SDK: 2026-07-28 without sessions, older revisions in them.

    PROTECT='{"server_id": …, "api_key": …}' python everything_server.py <port>

At ``http://127.0.0.1:<port>/mcp``; protected by our SDK where there are options.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
import warnings
from typing import Any

import mcp_types as types
import uvicorn
from auth_agent_mcp import AuthAgentMiddleware
from everything.content_tools import add_content_tools
from everything.elicitation_tools import add_elicitation_tools
from everything.events import RememberedEvents
from everything.input_tools import add_input_tools
from everything.prompts import complete, get_prompt, list_prompts
from everything.resources import list_resources, list_templates, read_resource, subscribe, unsubscribe
from everything.streaming_tools import add_streaming_tools
from everything.tool import Context, Tools
from mcp.server.lowlevel import Server
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler
from mcp.shared.exceptions import MCPDeprecationWarning
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

MAX_BODY_SIZE = 16 * 1024 * 1024
"""In bytes; more than what the tests send."""
RETRY_MS = 100
"""How soon a client that lost its stream may come again."""


def create_app() -> Starlette:
    return create_server().streamable_http_app(
        event_store=RememberedEvents(),
        retry_interval=RETRY_MS,
        max_request_body_size=MAX_BODY_SIZE,
        custom_starlette_routes=[Route("/digest", digest, methods=["POST"])],
    )


def create_server() -> Server[Any]:
    changes = InMemorySubscriptionBus()
    tools = Tools()
    add_content_tools(tools)
    add_streaming_tools(tools, changes)
    add_elicitation_tools(tools)
    add_input_tools(tools)

    async def list_tools(_: Context, __: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[*tools])

    server: Server[Any] = Server(
        "everything",
        version="1.0.0",
        get_tool_input_schema=tools.schema_of,
        on_list_tools=list_tools,
        on_call_tool=tools.call,
        on_list_resources=list_resources,
        on_list_resource_templates=list_templates,
        on_read_resource=read_resource,
        on_subscribe_resource=subscribe,
        on_unsubscribe_resource=unsubscribe,
        on_subscriptions_listen=ListenHandler(changes),
        on_list_prompts=list_prompts,
        on_get_prompt=get_prompt,
        on_completion=complete,
        on_set_logging_level=set_logging_level,
    )
    server.middleware.append(RequestStateBoundary(RequestStateSecurity.ephemeral(), default_audience=server.name))
    return server


async def set_logging_level(_: Context, __: types.SetLevelRequestParams) -> types.EmptyResult:
    """Accepted; everything that we log is sent."""
    return types.EmptyResult()


async def digest(request: Request) -> PlainTextResponse:
    """What arrives behind the middleware, to the byte."""
    return PlainTextResponse(hashlib.sha256(await request.body()).hexdigest())


def main() -> None:
    # Revisions before 2026-07-28 are part of what is tested.
    warnings.simplefilter("ignore", MCPDeprecationWarning)
    # The suite provokes refusals, and the official SDK warns of each.
    logging.getLogger("mcp").setLevel(logging.ERROR)
    app = create_app()
    options = json.loads(os.environ.get("PROTECT", "null"))
    if options is not None:
        app.add_middleware(AuthAgentMiddleware, **options)
    # httptools leaves white space behind a header's value, which is no part of it (RFC 9110 §5.5).
    uvicorn.run(app, http="h11", host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")


if __name__ == "__main__":
    main()
