"""Who asks, as the application sees it."""

from __future__ import annotations

import sys
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .options import Options

SCOPE_KEY = "auth_agent_mcp"
"""Where an ASGI scope carries the ``RequestContext``."""


@dataclass(slots=True)
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


class RequestContext(NamedTuple):
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
    message = _current_message()
    if message is not None:
        scope = getattr(getattr(message, "request", None), "scope", {})
        return _as_context(scope.get(SCOPE_KEY)) or _context_of_user(scope.get("user"))
    return _current.get() or _context_of_user(
        _mcp_variable("mcp.server.auth.middleware.auth_context", "auth_context_var")
    )


def _current_message() -> object:
    """The message that version 1 of the MCP SDK is answering.

    It runs every message of a session in the context of the session's first request, which may have been another
    person's. So the request that carried the message is asked. Version 2 gives each message its own context.
    """
    return _mcp_variable("mcp.server.lowlevel.server", "request_ctx")


def _mcp_variable(module: str, name: str) -> object:
    variable = getattr(sys.modules.get(module), name, None)
    return variable.get(None) if isinstance(variable, ContextVar) else None


def _context_of_user(user: object) -> RequestContext | None:
    """The context that ``auth_agent_mcp.mcp`` gave to the access token of the MCP SDK's own authentication."""
    return _as_context(getattr(getattr(user, "access_token", None), "auth_agent_context", None))


def _as_context(value: object) -> RequestContext | None:
    return value if isinstance(value, RequestContext) else None


class Entered:
    """Makes the context current while a request is answered."""

    __slots__ = ("_context", "_token")

    def __init__(self, context: RequestContext) -> None:
        self._context = context

    def __enter__(self) -> None:
        self._token = _current.set(self._context)

    def __exit__(self, *_: object) -> None:
        _current.reset(self._token)
