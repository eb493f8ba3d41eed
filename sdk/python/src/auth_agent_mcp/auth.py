"""Who asks, as the application sees it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from .options import Options

SCOPE_KEY = "auth_agent_mcp"
"""Where an ASGI scope carries the ``RequestContext``."""


@dataclass(frozen=True)
class Auth:
    """Who asks, by an access token that was checked."""

    subject: str
    """The ``sub`` of the token: the person, or the client where it acts for itself."""
    user_email: str | None
    client_id: str
    scopes: list[str]
    """The token's scopes in order, with what they imply at the end."""
    audience: str
    """The URL of this server."""
    token: str = field(repr=False)
    claims: dict[str, Any]
    """What the token, or its introspection, says, as verified."""


@dataclass(frozen=True)
class RequestContext:
    """What ``require_scopes`` needs to know of a request: who asks, and how a refusal is worded."""

    options: Options
    resource_metadata: str | None
    scheme: str
    auth: Auth | None


_current: ContextVar[RequestContext | None] = ContextVar("auth_agent_mcp", default=None)


def current_auth() -> Auth | None:
    """Who asks, for code that has no request at hand, such as a tool. None where nobody was authenticated."""
    context = current_context()
    return context.auth if context else None


def current_context() -> RequestContext | None:
    """The context of the request that is being answered."""
    # Version 1 of the MCP SDK runs every message of a session in the context of the session's first request, which
    # may have been another person's. There, the request that carried the message is asked.
    server = sys.modules.get("mcp.server.lowlevel.server")
    request_context = getattr(server, "request_ctx", None)
    if isinstance(request_context, ContextVar):
        message = request_context.get(None)
        request = getattr(message, "request", None)
        if message is not None:
            found = getattr(request, "scope", {}).get(SCOPE_KEY)
            return found if isinstance(found, RequestContext) else None
    return _current.get()


@contextmanager
def entered(context: RequestContext) -> Iterator[None]:
    """Makes the context current while a request is answered."""
    token = _current.set(context)
    try:
        yield
    finally:
        _current.reset(token)
