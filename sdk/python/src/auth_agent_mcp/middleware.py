"""The middleware, as applications use it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from .http_request import ASGIApp
from .options import DEFAULT_AUTH_SERVER, Validation, check_options
from .protection import Protection
from .verifier import Verifier


class AuthAgentMiddleware(Protection):
    """Protects an ASGI application as an OAuth 2.1 resource server (RFC 6750, RFC 9728, RFC 9449).

    ``app.add_middleware(AuthAgentMiddleware, server_id="srv_…", api_key="sk_…")``, or around any ASGI application.
    What each option means is in the README. Raises ``ValueError`` where one makes no sense.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        server_id: str,
        api_key: str,
        auth_server: str = DEFAULT_AUTH_SERVER,
        resource: str | None = None,
        required_scopes: Sequence[str] = (),
        tool_scopes: Mapping[str, Sequence[str]] | None = None,
        scope_hierarchy: Mapping[str, Sequence[str]] | None = None,
        filter_tools: bool = False,
        public_paths: Sequence[str] = (),
        validation: Validation = "introspect",
        max_staleness: float = 30,
        allowed_origins: Literal["*"] | Sequence[str] = "*",
        max_body_size: int = 16_777_216,
        scopes_supported: Sequence[str] | None = None,
        resource_name: str | None = None,
    ) -> None:
        options = check_options(
            server_id=server_id,
            api_key=api_key,
            auth_server=auth_server,
            resource=resource,
            required_scopes=required_scopes,
            tool_scopes=tool_scopes,
            scope_hierarchy=scope_hierarchy,
            filter_tools=filter_tools,
            public_paths=public_paths,
            validation=validation,
            max_staleness=max_staleness,
            allowed_origins=allowed_origins,
            max_body_size=max_body_size,
            scopes_supported=scopes_supported,
            resource_name=resource_name,
        )
        super().__init__(app, options, Verifier(options))
