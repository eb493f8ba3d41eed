"""Proofs of possession (RFC 9449 §4.3)."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .bounded import BoundedDict
from .clock import Clock
from .errors import InvalidDPoPProofError, TemporarilyUnavailableError
from .jwk import ALGORITHMS, PublicKey, encode_base64url, import_jwk, thumbprint
from .jws import decode_object, split_jws
from .uri import normalize
from .verified_token import is_number

_MAX_LENGTH = 8192
_MAX_AGE = 60.0
"""Seconds by which a proof may be older, or younger, than now."""
_MAX_JTI_LENGTH = 256


@dataclass(frozen=True)
class ProofRequest:
    """The request that a proof came with. ``uri`` is that of this server as clients know it."""

    proofs: Sequence[str]
    method: str
    uri: str


@dataclass(frozen=True)
class _ProofKey:
    alg: str
    key: PublicKey
    jkt: str


class ReplayCache:
    """The proofs that were seen while they could be used again. Safe to use from several event loops."""

    def __init__(self, limit: int = 100_000) -> None:
        self._limit = limit
        self._seen: dict[bytes, float] = {}
        self._swept_at = 0.0
        self._lock = threading.Lock()

    def use(self, key: bytes, until: float, now: float) -> bool:
        """Marks a proof as used; answers whether it was not before. Times in seconds since 1970.

        Raises ``TemporarilyUnavailableError`` where there is no room: a proof that cannot be remembered is not taken.
        """
        with self._lock:
            seen_until = self._seen.get(key)
            if seen_until is not None and seen_until >= now:
                return False
            if seen_until is None and len(self._seen) >= self._limit:
                self._make_room(now)
            self._seen[key] = until
            return True

    def _make_room(self, now: float) -> None:
        if abs(now - self._swept_at) >= 1:
            self._swept_at = now
            self._seen = {key: until for key, until in self._seen.items() if until >= now}
        if len(self._seen) >= self._limit:
            raise TemporarilyUnavailableError("Too many DPoP proofs at the moment. Try again.")


class DPoPVerifier:
    """Checks that who presents a token holds the key that it is bound to."""

    def __init__(self, clock: Clock, replays: ReplayCache) -> None:
        self._clock = clock
        self._replays = replays
        # A client sends the same header, with its key, with each of its proofs.
        self._headers: BoundedDict[bytes, _ProofKey] = BoundedDict(1000)

    def check(self, request: ProofRequest, token: str, jkt: str) -> None:
        """Raises ``InvalidDPoPProofError``; ``TemporarilyUnavailableError`` where replays cannot be told."""
        proof_key, claims = self._read(request.proofs)
        if proof_key.jkt != jkt:
            raise InvalidDPoPProofError("The proof is signed with another key than the access token is bound to.")
        if claims.get("htm") != request.method:
            raise InvalidDPoPProofError("The proof is for another method (htm).")
        htu = claims.get("htu")
        if not isinstance(htu, str) or (uri := normalize(htu)) is None or uri != normalize(request.uri):
            raise InvalidDPoPProofError("The proof is for another URL (htu) than that of this request.")
        if claims.get("ath") != encode_base64url(hashlib.sha256(token.encode()).digest()):
            raise InvalidDPoPProofError("The proof is for another access token (ath).")
        now, issued_at = self._clock.time(), claims.get("iat")
        if not is_number(issued_at) or abs(issued_at - now) > _MAX_AGE:
            raise InvalidDPoPProofError("The proof was not made just now (iat). Make a new one with the right time.")
        self._check_not_replayed(claims.get("jti"), jkt, issued_at + _MAX_AGE, now)

    def _check_not_replayed(self, jti: object, jkt: str, until: float, now: float) -> None:
        if not isinstance(jti, str) or not 1 <= len(jti) <= _MAX_JTI_LENGTH:
            raise InvalidDPoPProofError("The jti of the proof must be a string of 1 to 256 characters.")
        key = hashlib.sha256(f"{jkt} {jti}".encode("utf-8", "surrogatepass")).digest()
        if not self._replays.use(key, until, now):
            raise InvalidDPoPProofError("The proof was used before. Make a new one for each request.")

    def _read(self, proofs: Sequence[str]) -> tuple[_ProofKey, Mapping[str, Any]]:
        if len(proofs) != 1:
            raise InvalidDPoPProofError("There must be exactly one DPoP header.")
        if len(proofs[0]) > _MAX_LENGTH:
            raise InvalidDPoPProofError(f"The proof is longer than {_MAX_LENGTH} characters.")
        try:
            jws = split_jws(proofs[0].encode())
            proof_key = self._headers.get(jws.header) or self._read_header(jws.header)
            claims = decode_object(jws.payload)
        except (ValueError, KeyError):
            raise InvalidDPoPProofError("This is no DPoP proof (RFC 9449 §4.2).") from None
        if not proof_key.key.is_valid(proof_key.alg, jws.signature, jws.signing_input):
            raise InvalidDPoPProofError("The signature of the proof is wrong.")
        return proof_key, claims

    def _read_header(self, part: bytes) -> _ProofKey:
        header = decode_object(part)
        alg, jwk = header.get("alg"), header.get("jwk")
        if header.get("typ") != "dpop+jwt" or "crit" in header or not isinstance(jwk, dict):
            raise ValueError("no header of a proof")
        if not isinstance(alg, str) or alg not in ALGORITHMS:
            raise ValueError("an algorithm that is not accepted")
        proof_key = _ProofKey(alg, import_jwk(jwk), thumbprint(jwk))
        self._headers.put(part, proof_key)
        return proof_key
