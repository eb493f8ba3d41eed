"""What the authorization server answers, with the names of the RFCs."""

from __future__ import annotations

from typing import Any, TypedDict


class IntrospectionResult(TypedDict, total=False):
    """An introspection (RFC 7662 §2.2). Only ``active`` is always there."""

    active: bool
    scope: str
    client_id: str
    username: str
    token_type: str
    exp: int
    iat: int
    nbf: int
    sub: str
    aud: str | list[str]
    iss: str
    jti: str
    email: str
    grant_id: str
    auth_time: int
    cnf: dict[str, Any]
    act: dict[str, Any]


class ServerMetadata(TypedDict, total=False):
    """The metadata of an authorization server (RFC 8414 §2)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    registration_endpoint: str
    introspection_endpoint: str
    revocation_endpoint: str
    device_authorization_endpoint: str
    pushed_authorization_request_endpoint: str
    userinfo_endpoint: str
    scopes_supported: list[str]
    response_types_supported: list[str]
    grant_types_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    code_challenge_methods_supported: list[str]
    client_id_metadata_document_supported: bool


class TokenExchangeResult(TypedDict, total=False):
    """The token that another one was exchanged for (RFC 8693 §2.2.1). ``expires_in`` is in seconds."""

    access_token: str
    issued_token_type: str
    token_type: str
    expires_in: int
    scope: str
    refresh_token: str
