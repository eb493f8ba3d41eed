"""Sessions of MCP are of no use to anybody but who opened them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache

from .bounded import BoundedDict
from .errors import SessionNotFoundError
from .http_request import HttpRequest, Message, Scope
from .request_context import RequestContext
from .verified_token import VerifiedToken

_SESSION_ID = b"mcp-session-id"


class SessionOwners:
    """Who opened which session, in this process, as the sessions themselves are. 10,000 of them."""

    def __init__(self) -> None:
        self._owners: BoundedDict[str, tuple[str, str]] = BoundedDict(10_000)

    def check(self, request: HttpRequest, verified: VerifiedToken) -> None:
        """Raises ``SessionNotFoundError`` where a request names the session of another."""
        for session in request.header_values(_SESSION_ID):
            owner = self._owners.get(session)
            if owner is None:
                continue
            if owner != (verified.subject, verified.client_id):
                raise SessionNotFoundError
            self._owners.put(session, owner)

    def note(self, scope: Scope, context: RequestContext, start: Message) -> None:
        """Takes up what a good answer to a POST opens; within a session, none is opened."""
        verified = context.verified
        if verified is None or scope["method"] != "POST" or not 200 <= start["status"] < 300:
            return
        for name, value in start.get("headers", ()):
            if name.lower() == _SESSION_ID and not HttpRequest(scope).header_values(_SESSION_ID):
                self._owners.put(value.decode("latin-1"), (verified.subject, verified.client_id))


def name_owner(scope: Scope, context: RequestContext, verified: VerifiedToken) -> None:
    """Sets ``scope["user"]`` as the MCP SDK's own authentication does.

    Its transports compare it with who opened the session, and refuse another person's. FastMCP's
    ``get_access_token()`` reads it too. Nothing happens where the SDK was not imported.
    """
    if "mcp.server.auth.middleware.bearer_auth" in sys.modules:
        scope["user"] = _form_of_mcp()(context, verified)


@cache
def _form_of_mcp() -> Callable[[RequestContext, VerifiedToken], object]:
    from .mcp import CurrentUser  # noqa: PLC0415

    return CurrentUser
