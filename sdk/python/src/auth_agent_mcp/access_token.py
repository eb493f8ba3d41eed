"""Local validation of access tokens (RFC 9068 §4): everything but the denials."""

from __future__ import annotations

from typing import Any

from .bounded import BoundedDict
from .clock import Clock
from .errors import InvalidTokenError
from .jwk import ALGORITHMS
from .jws import CompactJws, decode_object, split_jws
from .key_set import KeySet
from .options import Options
from .verified_token import LEEWAY, VerifiedToken, check_not_expired, is_number, is_text, read_verified

_TYPES = {"at+jwt", "application/at+jwt"}


class AccessTokenVerifier:
    """Verifies access tokens by the key set, and remembers those that were good."""

    def __init__(self, options: Options, keys: KeySet, clock: Clock) -> None:
        self._options = options
        self._keys = keys
        self._clock = clock
        # By the token itself: to find a known one by a digest would take longer than all else that is done for it.
        self._verified: BoundedDict[bytes, VerifiedToken] = BoundedDict(10_000)
        # Tokens that were signed with one key have the same header.
        self._headers: BoundedDict[bytes, tuple[str, str]] = BoundedDict(100)
        keys.on_change(self._verified.clear)

    def recall(self, token: bytes, now: float) -> VerifiedToken | None:
        """What a token says that was verified before; it may have expired. ``now`` is of the monotonic clock."""
        if now >= self._keys.stale_at:
            self._keys.refresh()
        return self._verified.get(token)

    def find(self, token: bytes, resource: str) -> VerifiedToken | None:
        """What a token says, or none where its key has to be fetched. Raises ``InvalidTokenError``."""
        self._keys.refresh()
        verified = self._verified.get(token)
        if verified is not None:
            check_not_expired(verified.expires_at, self._clock.time())
            return verified
        jws = _split(token)
        alg, kid = self._headers.get(jws.header) or self._read_header(jws.header)
        key = self._keys.find_known(kid, alg)
        if key is None:
            return None
        if not key.is_valid(alg, jws.signature, jws.signing_input):
            raise InvalidTokenError("The signature of the access token is wrong.")
        verified = self._read_payload(jws.payload, resource)
        self._verified.put(token, verified)
        return verified

    async def verify(self, token: bytes, resource: str) -> VerifiedToken:
        """Fetches the key where it must.

        Raises ``InvalidTokenError``, or ``TemporarilyUnavailableError`` where there are no keys to verify with.
        """
        verified = self.find(token, resource)
        if verified is None:
            alg, kid = self._read_header(_split(token).header)
            await self._keys.fetch_for(kid, alg)
            verified = self.find(token, resource)
        if verified is None:
            raise InvalidTokenError("The access token is not signed with a key of the authorization server.")
        return verified

    def _read_header(self, part: bytes) -> tuple[str, str]:
        header = _decode(part)
        if str(header.get("typ")).lower() not in _TYPES:
            raise InvalidTokenError("This is no access token (RFC 9068 §2.1).")
        alg, kid = header.get("alg"), header.get("kid")
        if not isinstance(alg, str) or alg not in ALGORITHMS:
            raise InvalidTokenError("The access token is signed by an algorithm that is not accepted.")
        if not isinstance(kid, str):
            raise InvalidTokenError("The access token does not say which key signed it.")
        if "crit" in header:
            raise InvalidTokenError("The access token has extensions that this server does not know (crit).")
        self._headers.put(part, (alg, kid))
        return alg, kid

    def _read_payload(self, part: bytes, resource: str) -> VerifiedToken:
        claims, now = _decode(part), self._clock.time()
        verified = read_verified(claims, resource, self._options, now)
        if not is_number(claims.get("iat")) or claims["iat"] > now + LEEWAY:
            raise InvalidTokenError("The access token was issued in the future, or does not say when.")
        if "nbf" in claims and (not is_number(claims["nbf"]) or claims["nbf"] > now + LEEWAY):
            raise InvalidTokenError("The access token is not valid yet.")
        if not is_text(claims.get("jti")):
            raise InvalidTokenError("The access token has no jti.")
        return verified


def _split(token: bytes) -> CompactJws:
    try:
        return split_jws(token)
    except ValueError:
        raise InvalidTokenError("This is no access token of the authorization server.") from None


def _decode(part: bytes) -> dict[str, Any]:
    try:
        return decode_object(part)
    except ValueError:
        raise InvalidTokenError("This is no access token of the authorization server.") from None
