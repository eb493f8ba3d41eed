"""Public keys as JSON (RFC 7517, RFC 7518 §6, RFC 8037) and the algorithms that go with them."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

ALGORITHMS = {"ES256": "EC", "RS256": "RSA", "PS256": "RSA", "EdDSA": "OKP", "Ed25519": "OKP"}
"""The algorithms that are accepted, with the type of their key. None is symmetric, and none is ``none``."""

_ED25519_NAMES = {"EdDSA", "Ed25519"}
_PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
_THUMBPRINT_MEMBERS = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n")}
_MIN_RSA_BITS = 2048

_SHA256 = hashes.SHA256()
_ECDSA = ec.ECDSA(_SHA256)
_PKCS1 = padding.PKCS1v15()
_PSS = padding.PSS(padding.MGF1(_SHA256), padding.PSS.DIGEST_LENGTH)

Verify = Callable[[bytes, bytes], None]
"""Takes signature and message; raises ``InvalidSignature``."""


@dataclass(frozen=True)
class PublicKey:
    """A key that verifies the signatures of its algorithms."""

    verifiers: Mapping[str, Verify]

    def is_valid(self, alg: str, signature: bytes, message: bytes) -> bool:
        """Whether this is the key's signature by this algorithm (RFC 7515 §5.2)."""
        verify = self.verifiers.get(alg)
        if verify is None:
            return False
        try:
            verify(signature, message)
        except InvalidSignature:
            return False
        return True


def decode_base64url(text: str) -> bytes:
    """Base64url without padding (RFC 7515 §2). Raises ``ValueError``."""
    if not text.isascii() or "=" in text or "+" in text or "/" in text:
        raise ValueError("no base64url")
    return base64.b64decode(text.translate(_TO_BASE64) + "=" * (-len(text) % 4), validate=True)


_TO_BASE64 = str.maketrans("-_", "+/")


def import_jwk(jwk: Mapping[str, Any]) -> PublicKey:
    """Makes a public key of its JSON. Raises ``ValueError`` where it is none, or may not verify signatures."""
    if not _PRIVATE_MEMBERS.isdisjoint(jwk):
        raise ValueError("a private key")
    if jwk.get("use", "sig") != "sig":
        raise ValueError("no key for signatures")
    verifiers = _IMPORTERS.get(str(jwk.get("kty")), _refuse)(jwk)
    alg = jwk.get("alg")
    if alg is None:
        return PublicKey(verifiers)
    if not isinstance(alg, str):
        raise ValueError("alg is no string")
    same = _ED25519_NAMES if alg in _ED25519_NAMES else {alg}
    return PublicKey({name: verify for name, verify in verifiers.items() if name in same})


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """The SHA-256 thumbprint of a key (RFC 7638)."""
    members = {name: jwk[name] for name in _THUMBPRINT_MEMBERS[jwk["kty"]]}
    canonical = json.dumps(members, separators=(",", ":"), sort_keys=True)
    return encode_base64url(hashlib.sha256(canonical.encode()).digest())


def encode_base64url(data: bytes) -> str:
    """Base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _import_ec(jwk: Mapping[str, Any]) -> Mapping[str, Verify]:
    if jwk.get("crv") != "P-256":
        raise ValueError("a curve that is not accepted")
    x, y = _octets(jwk, "x", 32), _octets(jwk, "y", 32)
    key = ec.EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), ec.SECP256R1()).public_key()

    def verify(signature: bytes, message: bytes) -> None:
        if len(signature) != 64:  # RFC 7518 §3.4: R and S, 32 octets each.
            raise InvalidSignature
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        key.verify(encode_dss_signature(r, s), message, _ECDSA)

    return {"ES256": verify}


def _import_okp(jwk: Mapping[str, Any]) -> Mapping[str, Verify]:
    if jwk.get("crv") != "Ed25519":
        raise ValueError("a curve that is not accepted")
    key = ed25519.Ed25519PublicKey.from_public_bytes(_octets(jwk, "x", 32))
    return {"EdDSA": key.verify, "Ed25519": key.verify}


def _import_rsa(jwk: Mapping[str, Any]) -> Mapping[str, Verify]:
    n, e = (int.from_bytes(_octets(jwk, name), "big") for name in ("n", "e"))
    # Verifying takes longer the larger the numbers are, and a DPoP proof brings its own key.
    if n.bit_length() < _MIN_RSA_BITS or n.bit_length() > 8192 or e.bit_length() > 64:
        raise ValueError("a size that is not accepted")
    key = rsa.RSAPublicNumbers(e, n).public_key()
    return {
        "RS256": lambda signature, message: key.verify(signature, message, _PKCS1, _SHA256),
        "PS256": lambda signature, message: key.verify(signature, message, _PSS, _SHA256),
    }


def _refuse(_: Mapping[str, Any]) -> Mapping[str, Verify]:
    raise ValueError("a type that is not accepted")


def _octets(jwk: Mapping[str, Any], name: str, length: int | None = None) -> bytes:
    value = jwk.get(name)
    if not isinstance(value, str):
        raise ValueError(f"{name} is missing")
    octets = decode_base64url(value)
    if length is not None and len(octets) != length:
        raise ValueError(f"{name} has another length")
    return octets


_IMPORTERS: Mapping[str, Callable[[Mapping[str, Any]], Mapping[str, Verify]]] = {
    "EC": _import_ec,
    "OKP": _import_okp,
    "RSA": _import_rsa,
}
