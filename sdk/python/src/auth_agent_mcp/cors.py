"""Cross-origin requests: which web origins' scripts may call, and read the answers (Fetch §3.2)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from .answers import Answer, Headers
from .http_request import HttpRequest, Message, Send

_REQUEST_HEADERS = (
    "Authorization, Content-Type, Accept, DPoP, Last-Event-ID, "
    "MCP-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Session-Id"
)
_EXPOSED_HEADERS = b"WWW-Authenticate, Mcp-Session-Id, MCP-Protocol-Version, Retry-After"
_FIELD_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_MAX_AGE = b"86400"


class Cors:
    """The rules for one set of allowed origins."""

    def __init__(self, allowed_origins: Literal["*"] | Sequence[str]) -> None:
        self._allowed = allowed_origins

    @property
    def is_off(self) -> bool:
        """Whether the application has rules of its own."""
        return not self._allowed

    def answer_headers(self, request: HttpRequest) -> Headers:
        """What lets the script that made this request read the answer; nothing where it may not."""
        origin = self._allow_origin(request)
        return [*origin, (b"access-control-expose-headers", _EXPOSED_HEADERS)] if origin else []

    def answer_preflight(self, request: HttpRequest) -> Answer | None:
        """The answer to a preflight, or none where the origin is not allowed."""
        origin = self._allow_origin(request)
        if not origin:
            return None
        return _preflight(request, origin, b"GET, POST, DELETE, OPTIONS")

    def _allow_origin(self, request: HttpRequest) -> Headers:
        origin = request.header(b"origin")
        if origin is None or not self._allowed:
            return []
        if self._allowed == "*":
            return [(b"access-control-allow-origin", b"*")]
        if origin in self._allowed:
            return [(b"access-control-allow-origin", origin.encode("latin-1")), (b"vary", b"Origin")]
        return []


def is_preflight(request: HttpRequest) -> bool:
    """Whether a browser asks what it may send (Fetch §3.2.2)."""
    return (
        request.method == "OPTIONS"
        and request.header(b"origin") is not None
        and request.header(b"access-control-request-method") is not None
    )


def answer_metadata_preflight(request: HttpRequest) -> Answer:
    """Everybody may read the metadata."""
    return _preflight(request, [(b"access-control-allow-origin", b"*")], b"GET, HEAD, OPTIONS")


def with_headers(send: Send, extra: Headers) -> Send:
    """Adds headers to the application's answer, unless it has rules of its own."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", ()))
            if not any(name.lower() == b"access-control-allow-origin" for name, _ in headers):
                message = {**message, "headers": [*headers, *extra]}
        await send(message)

    return send_with_headers


def _preflight(request: HttpRequest, origin: Headers, methods: bytes) -> Answer:
    headers = [
        *origin,
        (b"access-control-allow-methods", methods),
        (b"access-control-allow-headers", _request_headers(request).encode("ascii")),
        (b"access-control-max-age", _MAX_AGE),
    ]
    return Answer(204, tuple(headers))


def _request_headers(request: HttpRequest) -> str:
    names = {name.lower(): name for name in _REQUEST_HEADERS.split(", ")}
    for value in request.header_values(b"access-control-request-headers"):
        for name in value.split(","):
            asked = name.strip(" \t")
            if _FIELD_NAME.fullmatch(asked):
                names.setdefault(asked.lower(), asked)
    return ", ".join(names.values())
