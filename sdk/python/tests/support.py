"""A clock and an ASGI client, for tests that need neither time nor sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from auth_agent_mcp.http_request import ASGIApp, Message, Scope


class FakeClock:
    """Stands still until it is told to go on. Whoever sleeps wakes when the time has come."""

    def __init__(self, now: float = 1_764_000_000) -> None:
        self.now = now
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.now + seconds, woken))
        await woken

    async def advance(self, seconds: float) -> None:
        """Lets time pass, and then everybody do what they can do without more of it."""
        self.now += seconds
        due = [woken for at, woken in self._sleepers if at <= self.now]
        self._sleepers = [(at, woken) for at, woken in self._sleepers if at > self.now]
        for woken in due:
            if not woken.done():
                woken.set_result(None)
        await settle()


async def settle(turns: int = 50) -> None:
    """Lets every task do what it can do without waiting for time or sockets."""
    for _ in range(turns):
        await asyncio.sleep(0)


@dataclass
class Response:
    """What came back, with the messages as they were sent."""

    status: int = 0
    raw_headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""
    messages: list[Message] = field(default_factory=list)

    def header(self, name: str) -> str | None:
        values = [value.decode("latin-1") for key, value in self.raw_headers if key.lower() == name.lower().encode()]
        return ", ".join(values) if values else None

    def json(self) -> Any:
        import json

        return json.loads(self.body)


def http_scope(method: str, target: str, headers: Iterable[tuple[str, str]] = ()) -> Scope:
    """A scope as a server makes it of a request line and headers."""
    raw_path, _, query = target.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(raw_path),
        "raw_path": raw_path.encode("latin-1"),
        "root_path": "",
        "query_string": query.encode("latin-1"),
        "headers": [
            (b"host", b"backend.internal:9999"),
            *((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers),
        ],
        "client": ("127.0.0.1", 50000),
        "server": ("backend.internal", 9999),
        "state": {},
    }


async def request(
    app: ASGIApp,
    method: str = "GET",
    target: str = "/mcp",
    headers: Iterable[tuple[str, str]] = (),
    chunks: Iterable[bytes] = (b"",),
) -> Response:
    """Sends one request, and reads its answer to the end."""
    response = Response()
    pending = list(chunks)
    left = asyncio.Event()

    async def receive() -> Message:
        if pending:
            return {"type": "http.request", "body": pending.pop(0), "more_body": bool(pending)}
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        response.messages.append(message)
        if message["type"] == "http.response.start":
            response.status, response.raw_headers = message["status"], list(message["headers"])
        elif message["type"] == "http.response.body":
            response.body += message.get("body", b"")
            if not message.get("more_body", False):
                left.set()

    await app(http_scope(method, target, headers), receive, send)
    return response


Endpoint = Callable[..., Awaitable[None]]
