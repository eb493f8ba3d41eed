"""What is answered instead of the application."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from .errors import (
    InsufficientScopeError,
    InvalidDPoPProofError,
    InvalidRequestError,
    InvalidTokenError,
    MissingTokenError,
    Refusal,
    TemporarilyUnavailableError,
)
from .http_request import Send
from .jwk import ALGORITHMS
from .scopes import unique

Headers = list[tuple[bytes, bytes]]

# Ed25519 is the new name of EdDSA with that curve (RFC 9864); whoever knows it knows the old one too.
_PROOF_ALGS = " ".join(alg for alg in ("ES256", "EdDSA", "RS256", "PS256") if alg in ALGORITHMS)
_RETRY_AFTER = b"5"


@dataclass(frozen=True)
class Answer:
    """A whole HTTP response."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes = b""

    async def send(self, send: Send, extra: Headers | None = None, *, prefix: str = "http.response") -> None:
        """Sends it, with more headers where there are any."""
        headers = [*self.headers, *(extra or ())]
        await send({"type": f"{prefix}.start", "status": self.status, "headers": headers})
        await send({"type": f"{prefix}.body", "body": self.body})


def json_answer(
    status: int, body: object, extra: Headers | None = None, *, cache_control: bytes = b"no-store"
) -> Answer:
    """An answer in JSON."""
    data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    headers = [
        (b"content-type", b"application/json"),
        (b"cache-control", cache_control),
        (b"content-length", str(len(data)).encode()),
        *(extra or ()),
    ]
    return Answer(status, tuple(headers), data)


def refusal_answer(
    refusal: Refusal, *, resource_metadata: str | None, required_scopes: Sequence[str], scheme: str
) -> Answer:
    """The answer to a request that is refused. ``scheme`` is that of its credential."""
    extra: Headers = []
    challenge = describe_challenge(refusal, resource_metadata, required_scopes, scheme)
    if challenge is not None:
        extra.append((b"www-authenticate", challenge.encode("ascii", "replace")))
    if isinstance(refusal, TemporarilyUnavailableError):
        extra.append((b"retry-after", _RETRY_AFTER))
    return json_answer(refusal.status, {"error": refusal.code, "error_description": refusal.description}, extra)


def describe_challenge(
    refusal: Refusal, resource_metadata: str | None, required_scopes: Sequence[str], scheme: str
) -> str | None:
    """The value of ``WWW-Authenticate`` (RFC 6750 §3, RFC 9449 §7.1, RFC 9728 §5.1), where there is one."""
    error, description = ("error", refusal.code), ("error_description", refusal.description)
    metadata, scope = ("resource_metadata", resource_metadata), ("scope", " ".join(required_scopes))
    algs = ("algs", _PROOF_ALGS)
    if isinstance(refusal, MissingTokenError):
        return _challenge("Bearer", metadata, scope)
    if isinstance(refusal, InvalidDPoPProofError):
        return _challenge("DPoP", error, description, algs, metadata, scope)
    if isinstance(refusal, InvalidTokenError) and scheme == "DPoP":
        return _challenge("DPoP", error, description, algs, metadata, scope)
    if isinstance(refusal, InvalidTokenError):
        return _challenge("Bearer", error, description, metadata, scope)
    if isinstance(refusal, InvalidRequestError):
        return _challenge("Bearer", error, description, metadata)
    if isinstance(refusal, InsufficientScopeError):
        needed = ("scope", " ".join(unique([*required_scopes, *refusal.scopes])))
        parameters = error, needed, metadata, description
        return _challenge("DPoP", *parameters, algs) if scheme == "DPoP" else _challenge("Bearer", *parameters)
    return None


def _challenge(scheme: str, *parameters: tuple[str, str | None]) -> str:
    return f"{scheme} {', '.join(f'{name}={_quote(value)}' for name, value in parameters if value)}".rstrip()


def _quote(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
