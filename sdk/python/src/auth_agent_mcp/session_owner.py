"""Tells the MCP SDK who asks, where it is in use, so that it ties its sessions to their owners."""

from __future__ import annotations

import sys

from .auth import RequestContext
from .http_request import Scope


def name_owner(scope: Scope, context: RequestContext) -> None:
    """Sets ``scope["user"]`` as the MCP SDK's own authentication does.

    Its transports compare it with who opened the session, and refuse another person's. FastMCP's
    ``get_access_token()`` reads it too. Nothing happens where the SDK was not imported.
    """
    if "mcp.server.auth.middleware.bearer_auth" in sys.modules:
        from .mcp import to_authenticated_user  # noqa: PLC0415

        scope["user"] = to_authenticated_user(context)
