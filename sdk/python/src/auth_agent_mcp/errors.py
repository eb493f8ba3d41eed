"""Errors with a stable code; those of OAuth keep the spelling of the RFCs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class AuthAgentError(Exception):
    """What every error of this package is. ``code`` is stable; ``description`` says what to do."""

    code: str = "server_error"

    def __init__(self, description: str) -> None:
        super().__init__(description)
        self.description = description


class OAuthError(AuthAgentError):
    """The authorization server refused a request of this MCP server (RFC 6749 §5.2); ``code`` is its ``error``."""

    def __init__(self, code: str, description: str, *, status: int) -> None:
        super().__init__(description)
        self.code = code
        self.status = status


class Refusal(AuthAgentError):
    """A request that the MCP server does not get to see; ``status`` is that of the answer."""

    status: ClassVar[int]


class MissingTokenError(Refusal):
    """There is no access token."""

    code, status = "missing_token", 401


class InvalidTokenError(Refusal):
    """The access token is malformed, expired, revoked, or meant for another server (RFC 6750 §3.1)."""

    code, status = "invalid_token", 401


class WrongAudienceError(InvalidTokenError):
    """The token is for another server (RFC 8707 §2)."""

    def __init__(self, resource: str, audiences: Sequence[str]) -> None:
        super().__init__(f"The access token is not for {resource}. Ask for one with that as resource.")
        self.resource = resource
        self.audiences = tuple(audiences)


class InvalidDPoPProofError(Refusal):
    """The DPoP proof is missing, wrong, or was used before (RFC 9449 §7.1)."""

    code, status = "invalid_dpop_proof", 401


class InvalidRequestError(Refusal):
    """The request carries its credential in a way that is not allowed (RFC 6750 §3.1)."""

    code, status = "invalid_request", 400


class OriginNotAllowedError(Refusal):
    """A script of this web origin may not call."""

    code, status = "origin_not_allowed", 403


class InsufficientScopeError(Refusal):
    """The token lacks a scope (RFC 6750 §3.1). ``scopes`` is everything that the operation needs."""

    code, status = "insufficient_scope", 403

    def __init__(self, scopes: Sequence[str]) -> None:
        needed = f"the scope {scopes[0]}" if len(scopes) == 1 else f"all of the scopes {' '.join(scopes)}"
        super().__init__(f"This needs {needed}. Ask for an access token with that.")
        self.scopes = tuple(scopes)


class ToolNotAllowedError(Refusal):
    """The tool is in no table of scopes, so that nobody may call it."""

    code, status = "tool_not_allowed", 403


class RequestTooLargeError(Refusal):
    """The body is longer than what is read to find its tools."""

    code, status = "request_too_large", 413


class UnsupportedMediaTypeError(Refusal):
    """The body is compressed, so that its tools cannot be found."""

    code, status = "unsupported_media_type", 415


class JsonRpcError(Exception):
    """A request that is answered with an error of JSON-RPC 2.0 §5.1; ``status`` is that of the answer."""

    status: ClassVar[int] = 400

    def __init__(self, code: int, message: str, request_id: object = None) -> None:
        super().__init__(message)
        self.body = {
            "jsonrpc": "2.0",
            "id": request_id if isinstance(request_id, (str, int)) and not isinstance(request_id, bool) else None,
            "error": {"code": code, "message": message},
        }


class SessionNotFoundError(JsonRpcError):
    """There is no such session, or it is another person's, which is not to be told apart."""

    status = 404

    def __init__(self) -> None:
        super().__init__(-32001, "Session not found")


class TemporarilyUnavailableError(Refusal):
    """Nobody can tell now whether the token is good. Never a reason to let a request through."""

    code, status = "temporarily_unavailable", 503
