"""Sessions of MCP are of no use to anybody but who opened them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache

from .answers import Headers
from .auth import Auth, RequestContext
from .bounded import BoundedDict
from .errors import SessionNotFoundError
from .http_request import HttpRequest, Scope

_SESSION_ID = b"mcp-session-id"


class SessionOwners:
    """Who opened which session, in this process, as the sessions themselves are. 10,000 of them."""

    def __init__(self) -> None:
        self._owners: BoundedDict[str, tuple[str, str]] = BoundedDict(10_000)

    def check(self, request: HttpRequest, auth: Auth) -> None:
        """Raises ``SessionNotFoundError`` where a request names the session of another."""
        for session in request.header_values(_SESSION_ID):
            owner = self._owners.get(session)
            if owner is None:
                continue
            if owner != (auth.subject, auth.client_id):
                raise SessionNotFoundError
            self._owners.put(session, owner)

    def note(self, request: HttpRequest, auth: Auth, status: int, headers: Headers) -> None:
        """Takes up what a good answer to a POST opens; within a session, none is opened."""
        if not 200 <= status < 300 or request.method != "POST" or request.header_values(_SESSION_ID):
            return
        for name, value in headers:
            if name.lower() == _SESSION_ID:
                self._owners.put(value.decode("latin-1"), (auth.subject, auth.client_id))


def name_owner(scope: Scope, context: RequestContext) -> None:
    """Sets ``scope["user"]`` as the MCP SDK's own authentication does.

    Its transports compare it with who opened the session, and refuse another person's. FastMCP's
    ``get_access_token()`` reads it too. Nothing happens where the SDK was not imported.
    """
    if "mcp.server.auth.middleware.bearer_auth" in sys.modules:
        scope["user"] = _form_of_mcp()(context)


@cache
def _form_of_mcp() -> Callable[[RequestContext], object]:
    from .mcp import to_authenticated_user  # noqa: PLC0415

    return to_authenticated_user
