"""What is known of an access token once it was verified, and the checks that both ways of validation share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from .errors import InvalidTokenError, WrongAudienceError
from .options import Options
from .scopes import parse_scope, with_implied

LEEWAY = 60
"""Seconds by which the clock of the authorization server may be ahead of ours."""
_BEYOND = 2**63


@dataclass(slots=True)
class VerifiedToken:
    """An access token whose signature, issuer and audience are right. Times are in seconds since 1970."""

    claims: Mapping[str, Any]
    subject: str
    user_email: str | None
    client_id: str
    scopes: tuple[str, ...]
    audience: str
    """The URL of this server, which is one of the audiences."""
    audiences: tuple[str, ...]
    expires_at: float
    issued_at: float | None
    jti: str | None
    grant_id: str | None
    jkt: str | None
    """The thumbprint of the key that the token is bound to (RFC 9449 §6.1)."""


def read_verified(claims: Mapping[str, Any], resource: str, options: Options, now: float) -> VerifiedToken:
    """Checks what a token, or its introspection, says: issuer, audience, expiry, subject, binding.

    Raises ``InvalidTokenError``.
    """
    get = claims.get
    if get("iss") != options.auth_server:
        raise InvalidTokenError("The access token is from another authorization server.")
    audiences = _read_audiences(get("aud"))
    if resource not in audiences:
        raise WrongAudienceError(resource, audiences)
    expires_at, issued_at = get("exp"), get("iat")
    if not is_number(expires_at):
        raise InvalidTokenError("The access token does not say when it expires.")
    check_not_expired(expires_at, now)
    subject, client_id, scope = get("sub"), get("client_id"), get("scope", "")
    if not (isinstance(subject, str) and subject and isinstance(client_id, str) and client_id):
        raise InvalidTokenError("The access token does not say who it is for: sub or client_id is missing.")
    if not isinstance(scope, str):
        raise InvalidTokenError("The scope of the access token is no string.")
    return VerifiedToken(
        claims,
        subject,
        _text(get("email")),
        client_id,
        with_implied(parse_scope(scope), options.scope_hierarchy),
        resource,
        audiences,
        expires_at,
        issued_at if is_number(issued_at) else None,
        _text(get("jti")),
        _text(get("grant_id")),
        _read_confirmation(claims) if "cnf" in claims else None,
    )


def check_not_expired(expires_at: float, now: float) -> None:
    """RFC 7519 §4.1.4. Raises ``InvalidTokenError``."""
    if expires_at <= now:
        raise InvalidTokenError("The access token has expired. Get a new one with the refresh token, or sign in again.")


def is_number(value: object) -> TypeGuard[float]:
    """Whether a claim is a NumericDate (RFC 7519 §2)."""
    # An integer of Python may be longer than any number that one can calculate with.
    return (type(value) is int and abs(value) < _BEYOND) or (isinstance(value, float) and math.isfinite(value))


def is_text(value: object) -> bool:
    """Whether a claim is a string that is not empty."""
    return isinstance(value, str) and value != ""


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _read_audiences(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(entry for entry in value if isinstance(entry, str)) if isinstance(value, list) else ()


def _read_confirmation(claims: Mapping[str, Any]) -> str:
    """The key that the token is bound to. A binding that is not understood is refused (RFC 7800 §3.1)."""
    cnf = claims["cnf"]
    if not isinstance(cnf, dict) or set(cnf) != {"jkt"} or not is_text(cnf["jkt"]):
        raise InvalidTokenError("The access token is bound in a way that this server does not know.")
    return str(cnf["jkt"])
