"""A real Python MCP client that a test drives by lines of JSON: the official SDK's, or FastMCP's.

    python python_client.py (mcp | fastmcp) <URL of the MCP server> <revision> <redirect URI> <client name>

It reads {"call": tool, "arguments": {...}}, {"redirected": callback URL}, {"credentials": true}; and writes
{"authorize": URL} when it wants to send the person to a browser, {"result": text} or {"error": text}, and
{"revision": …} once it is connected.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from fastmcp.client.auth import OAuth
from mcp.client.auth import OAuthClientProvider
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthToken,
)

OLDEST = "2025-06-18"


class Terminal:
    """Lines of JSON, in and out."""

    def __init__(self) -> None:
        self.commands: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self.callbacks: asyncio.Queue[str] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def read() -> None:
            for line in sys.stdin:
                message = json.loads(line)
                queue = self.callbacks if "redirected" in message else self.commands
                loop.call_soon_threadsafe(queue.put_nowait, message.get("redirected", message))
            loop.call_soon_threadsafe(self.commands.put_nowait, None)

        threading.Thread(target=read, daemon=True).start()

    def write(self, message: dict[str, Any]) -> None:
        print(json.dumps(message), flush=True)

    async def authorize(self, url: str) -> None:
        self.write({"authorize": url})

    async def wait_for_callback(self) -> AuthorizationCodeResult:
        query = parse_qs(urlsplit(await self.callbacks.get()).query)
        if "error" in query:
            raise RuntimeError(f"authorization was refused: {query['error'][0]}")
        return AuthorizationCodeResult(code=query["code"][0], state=query["state"][0], iss=query.get("iss", [None])[0])


class Storage:
    """What the official SDK keeps, in memory."""

    tokens: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


class OffersOldest(httpx2.AsyncBaseTransport):
    """Offers the oldest of the revisions in the handshake, as a client of its time did."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if b'"initialize"' in request.content:
            body = json.loads(request.content)
            body["params"]["protocolVersion"] = OLDEST
            headers = [(n, v) for n, v in request.headers.multi_items() if n.lower() != "content-length"]
            request = httpx2.Request(
                request.method, request.url, headers=headers, json=body, extensions=request.extensions
            )
        return await self._inner.handle_async_request(request)


def create_http_client(revision: str, **options: Any) -> httpx2.AsyncClient:
    client = create_mcp_http_client(
        headers=options.get("headers"), timeout=options.get("timeout"), auth=options.get("auth")
    )
    if revision == OLDEST:
        client._transport = OffersOldest(client._transport)
    return client


def mode_of(revision: str) -> str:
    return revision if revision >= "2026" else "legacy"


@asynccontextmanager
async def official_client(
    url: str, revision: str, redirect_uri: str, client_name: str, terminal: Terminal
) -> AsyncIterator[tuple[Any, Any]]:
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client

    metadata = OAuthClientMetadata(
        client_name=client_name,
        redirect_uris=[redirect_uri],
        grant_types=["authorization_code", "refresh_token"],
        token_endpoint_auth_method="none",
    )
    provider = OAuthClientProvider(url, metadata, Storage(), terminal.authorize, terminal.wait_for_callback)
    async with create_http_client(revision, auth=provider) as http_client:
        transport = streamable_http_client(url, http_client=http_client)
        async with Client(transport, mode=mode_of(revision)) as client:
            yield client, provider


@asynccontextmanager
async def fastmcp_client(
    url: str, revision: str, redirect_uri: str, client_name: str, terminal: Terminal
) -> AsyncIterator[tuple[Any, Any]]:
    from fastmcp import Client
    from fastmcp.client.transports import StreamableHttpTransport

    class TerminalOAuth(OAuth):
        """FastMCP's own provider; the browser is the test's."""

        async def redirect_handler(self, authorization_url: str) -> None:
            await terminal.authorize(authorization_url)

        async def callback_handler(self) -> AuthorizationCodeResult:
            return await terminal.wait_for_callback()

    parts = urlsplit(redirect_uri)
    provider = TerminalOAuth(url, client_name=client_name, callback_host=str(parts.hostname), callback_port=parts.port)

    def create(**options: Any) -> httpx2.AsyncClient:
        return create_http_client(revision, **options)

    transport = StreamableHttpTransport(url, auth=provider, httpx_client_factory=create)
    async with Client(transport, mode=mode_of(revision)) as client:
        yield client, provider


async def call(client: Any, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    try:
        result = await client.call_tool(tool, arguments)
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    failed = getattr(result, "is_error", False)
    text = "".join(getattr(part, "text", "") for part in result.content)
    return {"error": text} if failed else {"result": text}


async def main(kind: str, url: str, revision: str, redirect_uri: str, client_name: str) -> None:
    terminal = Terminal()
    connect = official_client if kind == "mcp" else fastmcp_client
    async with connect(url, revision, redirect_uri, client_name, terminal) as (client, provider):
        session = getattr(client, "session", client)
        terminal.write({"revision": session.protocol_version})
        while (command := await terminal.commands.get()) is not None:
            if "credentials" in command:
                context = provider.context
                terminal.write(
                    {
                        "access_token": context.current_tokens.access_token,
                        "refresh_token": context.current_tokens.refresh_token,
                        "scope": context.current_tokens.scope,
                        "client_id": context.client_info.client_id,
                    }
                )
            else:
                terminal.write(await call(client, command["call"], command["arguments"]))


asyncio.run(main(*sys.argv[1:]))
