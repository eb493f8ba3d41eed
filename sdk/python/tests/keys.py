"""Keys, tokens and proofs for the tests."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

NOW = 1_764_000_000
AUTH_SERVER = "https://auth.example"
RESOURCE = "https://mcp.example/mcp"

_counter = itertools.count()


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class SigningKey:
    """A key for ES256."""

    def __init__(self, kid: str = "key_1") -> None:
        self.kid = kid
        self._key = ec.generate_private_key(ec.SECP256R1())
        numbers = self._key.public_key().public_numbers()
        self.jwk = {
            "kty": "EC",
            "crv": "P-256",
            "x": encode(numbers.x.to_bytes(32, "big")),
            "y": encode(numbers.y.to_bytes(32, "big")),
        }

    @property
    def public_jwk(self) -> dict[str, str]:
        return {**self.jwk, "kid": self.kid, "alg": "ES256", "use": "sig"}

    @property
    def thumbprint(self) -> str:
        canonical = json.dumps(self.jwk, separators=(",", ":"), sort_keys=True)
        return encode(hashlib.sha256(canonical.encode()).digest())

    def sign(self, header: dict[str, Any], claims: dict[str, Any]) -> str:
        signing_input = f"{encode(json.dumps(header).encode())}.{encode(json.dumps(claims).encode())}"
        r, s = decode_dss_signature(self._key.sign(signing_input.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signing_input}.{encode(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    def access_token(self, **changes: Any) -> str:
        header = {"alg": "ES256", "typ": "at+jwt", "kid": self.kid}
        return self.sign(header, make_claims(**changes))

    def proof(self, token: str, **changes: Any) -> str:
        claims = {
            "htm": "GET",
            "htu": RESOURCE,
            "iat": NOW,
            "jti": f"proof_{next(_counter)}",
            "ath": encode(hashlib.sha256(token.encode()).digest()),
            **changes,
        }
        return self.sign({"alg": "ES256", "typ": "dpop+jwt", "jwk": self.jwk}, claims)


def make_claims(**changes: Any) -> dict[str, Any]:
    claims = {
        "iss": AUTH_SERVER,
        "aud": RESOURCE,
        "sub": "user_1",
        "client_id": "client_1",
        "email": "ada@example.com",
        "scope": "files:read",
        "iat": NOW,
        "exp": NOW + 3600,
        "jti": f"token_{next(_counter)}",
        "grant_id": "grant_1",
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}
