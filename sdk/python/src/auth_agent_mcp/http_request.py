"""A request as ASGI has it, read by the names of HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from .uri import escape_path

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]


class HttpRequest:
    """Reads a scope of type ``http`` or ``websocket``, and changes nothing."""

    __slots__ = ("_scope", "method", "path", "query")

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self.method: str = scope.get("method", "GET")
        """The method; the handshake of a WebSocket is a GET (RFC 6455 §4.1)."""
        self.path: str = scope["path"]
        """The path, decoded, by which the application chooses what answers."""
        self.query: bytes = scope.get("query_string", b"")
        """The query as it was sent, without the question mark."""

    @property
    def raw_path(self) -> str:
        """The path as it was sent, without the query."""
        raw = self._scope.get("raw_path")
        if not raw:
            return escape_path(self.path)
        return str(raw, "latin-1").split("?", 1)[0]

    def header_values(self, name: bytes) -> list[str]:
        """Every value of a header, which is named in lower case."""
        sent = self._scope["headers"]
        return [value.decode("latin-1").strip(" \t") for key, value in sent if key.lower() == name]

    def header(self, name: bytes) -> str | None:
        """The value of a header that may come once; none where it comes more often."""
        values = self.header_values(name)
        return values[0] if len(values) == 1 else None
