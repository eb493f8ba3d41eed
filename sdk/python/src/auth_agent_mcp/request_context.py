"""The request that is being answered, wherever its application looks for who asks."""

from __future__ import annotations

import sys
from contextvars import ContextVar
from typing import NamedTuple

from .auth import Auth
from .options import Options
from .protected_resource import ProtectedResource
from .verified_token import VerifiedToken

SCOPE_KEY = "auth_agent_mcp"
"""Where an ASGI scope carries the ``RequestContext``."""


class RequestContext(NamedTuple):
    """What ``require_scopes`` needs to know of a request: who asks, and how a refusal is worded."""

    options: Options
    resource: ProtectedResource | None
    """This server, where it is known already."""
    verified: VerifiedToken | None = None
    """What the access token says; none where nobody was authenticated."""
    token: str = ""

    @property
    def auth(self) -> Auth | None:
        """Who asks, made when somebody wants to know; the caller may do with it what it likes."""
        verified = self.verified
        if verified is None:
            return None
        return Auth(
            verified.subject,
            verified.user_email,
            verified.client_id,
            list(verified.scopes),
            verified.audience,
            self.token,
            dict(verified.claims),
        )

    @property
    def resource_metadata(self) -> str | None:
        """Where the metadata of this server is."""
        return self.resource.metadata_url if self.resource else None

    @property
    def scheme(self) -> str:
        """How the access token came: one that is bound to a key as DPoP (RFC 9449 §7.1), any other as Bearer."""
        return "DPoP" if self.verified is not None and self.verified.jkt is not None else "Bearer"


entered: ContextVar[RequestContext | None] = ContextVar("auth_agent_mcp", default=None)
"""The context of the request that is being answered, as the middleware sets it."""


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
    return entered.get() or _context_of_user(
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
