"""A request as ASGI has it, read by the names of HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from functools import cached_property
from typing import Any

from .uri import escape_path

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]


# Every header that the middleware reads.
_READ = frozenset(
    {
        b"access-control-request-headers",
        b"access-control-request-method",
        b"authorization",
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"dpop",
        b"mcp-method",
        b"mcp-name",
        b"mcp-session-id",
        b"origin",
    }
)


class HttpRequest:
    """Reads a scope of type ``http`` or ``websocket``, and changes nothing."""

    __slots__ = ("__dict__", "_scope")

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    @property
    def method(self) -> str:
        """The method; the handshake of a WebSocket is a GET (RFC 6455 §4.1)."""
        return str(self._scope.get("method", "GET"))

    @property
    def path(self) -> str:
        """The path, decoded, by which the application chooses what answers."""
        return str(self._scope["path"])

    @cached_property
    def raw_path(self) -> str:
        """The path as it was sent, without the query."""
        raw = self._scope.get("raw_path")
        if not raw:
            return escape_path(self.path)
        return str(raw, "latin-1").split("?", 1)[0]

    @property
    def query(self) -> str:
        """The query as it was sent, without the question mark."""
        return str(self._scope.get("query_string", b""), "latin-1")

    @cached_property
    def headers(self) -> dict[bytes, list[str]]:
        """The values of the headers that are read here, by their names in lower case. One pass, for all who ask."""
        found: dict[bytes, list[str]] = {}
        for key, value in self._scope["headers"]:
            name = key.lower()
            if name in _READ:
                found.setdefault(name, []).append(value.decode("latin-1").strip(" \t"))
        return found

    def header_values(self, name: bytes) -> list[str]:
        """Every value of a header, which is one of those that are read here, named in lower case."""
        return self.headers.get(name, [])

    def header(self, name: bytes) -> str | None:
        """The value of a header that may come once; none where it comes more often."""
        values = self.header_values(name)
        return values[0] if len(values) == 1 else None
