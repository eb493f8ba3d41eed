"""Protects MCP servers as OAuth 2.1 resource servers, with Auth-Agent as authorization server."""

from .auth import Auth
from .client import AuthAgentClient, SyncAuthAgentClient
from .errors import (
    AuthAgentError,
    InsufficientScopeError,
    InvalidDPoPProofError,
    InvalidRequestError,
    InvalidTokenError,
    MissingTokenError,
    OAuthError,
    TemporarilyUnavailableError,
    ToolNotAllowedError,
)
from .middleware import AuthAgentMiddleware
from .request_context import current_auth
from .require_scopes import require_scopes
from .results import IntrospectionResult, ServerMetadata, TokenExchangeResult

__all__ = [
    "Auth",
    "AuthAgentClient",
    "AuthAgentError",
    "AuthAgentMiddleware",
    "InsufficientScopeError",
    "IntrospectionResult",
    "InvalidDPoPProofError",
    "InvalidRequestError",
    "InvalidTokenError",
    "MissingTokenError",
    "OAuthError",
    "ServerMetadata",
    "SyncAuthAgentClient",
    "TemporarilyUnavailableError",
    "TokenExchangeResult",
    "ToolNotAllowedError",
    "current_auth",
    "require_scopes",
]
