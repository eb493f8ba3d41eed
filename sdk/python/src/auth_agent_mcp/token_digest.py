"""Under what tokens are remembered."""

from __future__ import annotations

from hashlib import blake2b


def digest_token(token: bytes) -> bytes:
    """32 bytes that nobody can tell the token from, and that no other token has.

    BLAKE2b, since it is at hand in CPython itself. SHA-256 asks OpenSSL, which takes longer than all else that a
    known token needs.
    """
    return blake2b(token, digest_size=32).digest()
