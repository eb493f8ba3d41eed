"""For the official MCP SDK: a token verifier in its own form (``mcp.server.auth.provider.TokenVerifier``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from pydantic import PrivateAttr

from .errors import InvalidTokenError
from .options import DEFAULT_AUTH_SERVER, Validation, check_options
from .request_context import RequestContext
from .verified_token import VerifiedToken
from .verifier import Credential, Verifier


class AuthAgentTokenVerifier:
    """Verifies access tokens for ``MCPServer(token_verifier=…, auth=AuthSettings(…))``.

    The SDK serves the metadata and the challenges itself, by its ``AuthSettings``. Its ``validate_token_resource`` may
    be what you like, for the audience is checked here. Tokens that are bound to a key are refused, since the SDK does
    not say which request they came with; use ``AuthAgentMiddleware`` for those, and for scopes per tool.
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
        self._options = check_options(
            server_id=server_id,
            api_key=api_key,
            auth_server=auth_server,
            resource=resource,
            scope_hierarchy=scope_hierarchy,
            validation=validation,
            max_staleness=max_staleness,
        )
        self._verifier = Verifier(self._options)

    async def verify_token(self, token: str) -> AccessToken | None:
        """What the SDK asks for each request. None means 401.

        Raises ``TemporarilyUnavailableError`` where nobody can tell, which the SDK answers with 500: a client that is
        told 401 would throw away a token that may be good.
        """
        try:
            verified = await self._verifier.verify(Credential("Bearer", token), None)
        except InvalidTokenError:
            return None
        return to_access_token(RequestContext(self._options, self._verifier.resource, verified, token))

    async def aclose(self) -> None:
        """Stops the feed of denials, and closes the connections."""
        await self._verifier.aclose()


class VerifiedAccessToken(AccessToken):
    """The SDK's access token, by which ``current_auth`` and ``require_scopes`` find who asks."""

    _context: RequestContext | None = PrivateAttr(default=None)

    @property
    def auth_agent_context(self) -> RequestContext | None:
        """Who asks, and how."""
        return self._context


def to_access_token(context: RequestContext) -> AccessToken:
    """Who asks, as the SDK has it."""
    token = VerifiedAccessToken(**access_token_values(context))
    token._context = context
    return token


def access_token_values(context: RequestContext) -> dict[str, Any]:
    """The members of the SDK's access token. Version 1 of it knows neither ``subject`` nor ``claims``."""
    auth = context.auth
    if auth is None:
        raise ValueError("nobody was authenticated")
    values: dict[str, Any] = {
        "token": auth.token,
        "client_id": auth.client_id,
        "scopes": auth.scopes,
        "expires_at": int(auth.claims["exp"]),
        "resource": auth.audience,
        "subject": auth.subject,
        "claims": auth.claims,
    }
    return {name: value for name, value in values.items() if name in AccessToken.model_fields}


class CurrentUser(AuthenticatedUser):
    """Who asks, as the SDK's transports compare it with the owner of a session.

    Its access token is made when somebody asks for it, which a server without sessions never does.
    """

    def __init__(self, context: RequestContext, verified: VerifiedToken) -> None:
        # All that the two classes above would set; every request comes by here.
        self.username = verified.client_id
        self.scopes = list(verified.scopes)
        self._context = context

    @cached_property
    def access_token(self) -> AccessToken:  # type: ignore[override]
        """The SDK's form of the token."""
        return to_access_token(self._context)
