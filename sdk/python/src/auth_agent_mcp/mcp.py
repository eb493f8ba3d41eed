"""For the official MCP SDK: a token verifier in its own form (``mcp.server.auth.provider.TokenVerifier``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken

from .auth import Auth
from .errors import InvalidTokenError
from .options import DEFAULT_AUTH_SERVER, Validation, check_options
from .verifier import Credential, Verifier


class AuthAgentTokenVerifier:
    """Verifies access tokens for ``MCPServer(token_verifier=…, auth=AuthSettings(…))``.

    The SDK serves the metadata and the challenges itself, by its ``AuthSettings``. Tokens that are bound to a key are
    refused, since the SDK does not say which request they came with; use ``AuthAgentMiddleware`` for those, and for
    scopes per tool.
    """

    def __init__(
        self,
        *,
        server_id: str,
        api_key: str,
        auth_server: str = DEFAULT_AUTH_SERVER,
        resource: str | None = None,
        scope_hierarchy: Mapping[str, Sequence[str]] | None = None,
        validation: Validation = "introspect",
        max_staleness: float = 30,
    ) -> None:
        options = check_options(
            server_id=server_id,
            api_key=api_key,
            auth_server=auth_server,
            resource=resource,
            scope_hierarchy=scope_hierarchy,
            validation=validation,
            max_staleness=max_staleness,
        )
        self._verifier = Verifier(options)

    async def verify_token(self, token: str) -> AccessToken | None:
        """What the SDK asks for each request. None means 401.

        Raises ``TemporarilyUnavailableError`` where nobody can tell, which the SDK answers with 500: a client that is
        told 401 would throw away a token that may be good.
        """
        try:
            return to_access_token(await self._verifier.verify(Credential("Bearer", token), None))
        except InvalidTokenError:
            return None

    async def aclose(self) -> None:
        """Stops the feed of denials, and closes the connections."""
        await self._verifier.aclose()


def to_access_token(auth: Auth) -> AccessToken:
    """Who asks, as the SDK has it. Version 1 of it has no ``subject`` and ``claims``, and leaves them out."""
    values: dict[str, Any] = {
        "token": auth.token,
        "client_id": auth.client_id,
        "scopes": auth.scopes,
        "expires_at": int(auth.claims["exp"]),
        "resource": auth.audience,
        "subject": auth.subject,
        "claims": auth.claims,
    }
    return AccessToken(**{name: value for name, value in values.items() if name in AccessToken.model_fields})


def to_authenticated_user(auth: Auth) -> AuthenticatedUser:
    """Who asks, as the SDK's transports compare it with the owner of a session."""
    return AuthenticatedUser(to_access_token(auth))
