"""An authorization server in memory: introspection, keys, metadata, and a feed that really waits."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any
from urllib.parse import parse_qs

import httpx

from auth_agent_mcp.http_request import ASGIApp
from auth_agent_mcp.options import check_options
from auth_agent_mcp.protection import Protection
from auth_agent_mcp.verifier import Verifier
from keys import AUTH_SERVER, NOW, RESOURCE, SigningKey, make_claims
from support import FakeClock, settle


class FakeAuthServer(httpx.AsyncBaseTransport):
    """Answers as the real one does. Set ``is_down`` to stop it, and ``gate`` to hold introspections back."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.requests: list[httpx.Request] = []
        self.key = SigningKey()
        self.keys = [self.key.public_jwk]
        self.active: dict[str, dict[str, Any]] = {}
        self.denials: list[dict[str, Any]] = []
        self.is_down = False
        self.is_feed_down = False
        self.gate: asyncio.Event | None = None
        self.open_requests = 0
        self._waiting: list[asyncio.Future[None]] = []

    def issue(self, **changes: Any) -> str:
        """A new access token, which is active."""
        claims = make_claims(**changes)
        token = self.key.sign({"alg": "ES256", "typ": "at+jwt", "kid": self.key.kid}, claims)
        self.active[token] = claims
        return token

    async def deny(self, kind: str, subject: str, **more: Any) -> None:
        """Revokes, and lets the news get around."""
        self.denials.append({"kind": kind, "subject": subject, "expires_at": NOW + 3600, **more})
        await self.heartbeat()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked[request.url.path] += 1
        self.requests.append(request)
        self.open_requests += 1
        try:
            if self.is_down:
                raise httpx.ConnectError("refused", request=request)
            return await self._answer(request)
        finally:
            self.open_requests -= 1

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == "/revocations":
            return await self._answer_feed(request)
        if path == "/introspect":
            token = parse_qs((await request.aread()).decode())["token"][0]
            claims = self.active.get(token)
            answer = {"active": False} if claims is None else {"active": True, **claims}
            if self.gate is not None:
                await self.gate.wait()
            return httpx.Response(200, json=answer)
        if path == "/.well-known/jwks.json":
            return httpx.Response(200, json={"keys": self.keys}, headers={"cache-control": "max-age=300"})
        if path.startswith("/.well-known/oauth-protected-resource/"):
            return httpx.Response(200, json={"resource": RESOURCE, "scopes_supported": ["files:read"]})
        return httpx.Response(404, json={"error": "not_found"})

    async def _answer_feed(self, request: httpx.Request) -> httpx.Response:
        if self.is_feed_down:
            return httpx.Response(503, json={})
        cursor = request.url.params.get("cursor")
        if cursor is not None and int(cursor) == len(self.denials) and request.url.params["wait"] != "0":
            news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(news)
            await news
        known = int(cursor or 0)
        answer = {
            "cursor": str(len(self.denials)),
            "snapshot": cursor is None,
            "time": NOW,
            "denials": self.denials[known:],
        }
        return httpx.Response(200, json=answer)

    async def heartbeat(self) -> None:
        """Answers the feed's request, with news where there are any."""
        waiting, self._waiting = self._waiting, []
        for news in waiting:
            if not news.done():
                news.set_result(None)
        await settle()


def protect(
    app: ASGIApp,
    server: httpx.AsyncBaseTransport,
    clock: FakeClock | None = None,
    *,
    on_demand: bool = False,
    **options: Any,
) -> Protection:
    """The middleware around an application, with the server and clock of the test."""
    defaults = {"server_id": "srv_test", "api_key": "sk_test", "auth_server": AUTH_SERVER, "resource": RESOURCE}
    checked = check_options(**{**defaults, **options})
    verifier = Verifier(checked, clock=clock or FakeClock(), transport=server, on_demand=on_demand)
    return Protection(app, checked, verifier)
