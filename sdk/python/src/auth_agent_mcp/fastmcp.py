"""For FastMCP: an auth provider in its own form (``fastmcp.server.auth.RemoteAuthProvider``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from fastmcp.server.auth import AccessToken, RemoteAuthProvider, TokenVerifier
from pydantic import AnyHttpUrl, ConfigDict, PrivateAttr, TypeAdapter
from starlette.middleware import Middleware

from .answers import refusal_answer
from .errors import InvalidTokenError, TemporarilyUnavailableError
from .http_request import ASGIApp, Message, Receive, Scope, Send
from .mcp import access_token_values
from .options import DEFAULT_AUTH_SERVER, Options, Validation, check_options
from .protected_resource import describe_options
from .request_context import RequestContext
from .verifier import Credential, Verifier

# Without this, pydantic adds a slash to a URL without a path; clients compare issuers as strings (RFC 8414 §3.3).
_URLS: TypeAdapter[AnyHttpUrl] = TypeAdapter(AnyHttpUrl, config=ConfigDict(url_preserve_empty_path=True))


class AuthAgentProvider(RemoteAuthProvider):
    """``FastMCP("Files", auth=AuthAgentProvider(server_id="srv_…", api_key="sk_…", resource="https://…/mcp"))``.

    FastMCP serves the metadata, and challenges, by its own means. ``resource`` is the URL under which clients know the
    server, path included. Tokens that are bound to a key are refused, since FastMCP does not say which request they
    came with; use ``AuthAgentMiddleware`` for those. Raises ``ValueError`` where an option makes no sense.
    """

    def __init__(
        self,
        *,
        server_id: str,
        api_key: str,
        resource: str,
        auth_server: str = DEFAULT_AUTH_SERVER,
        required_scopes: Sequence[str] = (),
        scope_hierarchy: Mapping[str, Sequence[str]] | None = None,
        validation: Validation = "introspect",
        max_staleness: float = 30,
        scopes_supported: Sequence[str] | None = None,
        resource_name: str | None = None,
    ) -> None:
        options = check_options(
            server_id=server_id,
            api_key=api_key,
            auth_server=auth_server,
            resource=resource,
            required_scopes=required_scopes,
            scope_hierarchy=scope_hierarchy,
            validation=validation,
            max_staleness=max_staleness,
            scopes_supported=scopes_supported,
            resource_name=resource_name,
        )
        described = describe_options(options)
        if described is None:
            raise ValueError("resource is missing: give the URL under which clients know this server.")
        parts = urlsplit(resource)
        super().__init__(
            token_verifier=_Verifier(options),
            authorization_servers=[_URLS.validate_python(auth_server)],
            base_url=f"{parts.scheme}://{parts.netloc}",
            scopes_supported=list(described.scopes_supported) or None,
            resource_name=resource_name,
        )
        self._resource = _URLS.validate_python(resource)

    def _get_resource_url(self, path: str | None = None) -> AnyHttpUrl:
        """The URL that tokens are for, whatever the path under which FastMCP itself is mounted."""
        return self._resource

    def get_middleware(self) -> list[Any]:
        """FastMCP's own, and around it what answers 503 where a token cannot be checked."""
        return [Middleware(_Unavailable), *super().get_middleware()]


class VerifiedAccessToken(AccessToken):
    """FastMCP's access token, by which ``current_auth`` and ``require_scopes`` find who asks."""

    _context: RequestContext | None = PrivateAttr(default=None)

    @property
    def auth_agent_context(self) -> RequestContext | None:
        """Who asks, and how."""
        return self._context


class _Verifier(TokenVerifier):
    def __init__(self, options: Options) -> None:
        super().__init__(required_scopes=list(options.required_scopes))
        self._options = options
        self._verifier = Verifier(options)

    async def verify_token(self, token: str) -> AccessToken | None:
        """Who presents this token; none means 401. Raises ``TemporarilyUnavailableError``."""
        try:
            verified = await self._verifier.verify(Credential("Bearer", token), None)
        except InvalidTokenError:
            return None
        context = RequestContext(self._options, self._verifier.resource, verified, token)
        access_token = VerifiedAccessToken(**access_token_values(context))
        access_token._context = context
        return access_token


class _Unavailable:
    """answers 503 where nobody can tell whether a token is good."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_started = False

        async def send_noting_start(message: Message) -> None:
            nonlocal has_started
            has_started = True
            await send(message)

        try:
            await self._app(scope, receive, send_noting_start)
        except TemporarilyUnavailableError as refusal:
            if has_started or scope["type"] != "http":
                raise
            await refusal_answer(refusal, resource_metadata=None, required_scopes=(), scheme="Bearer").send(send)
