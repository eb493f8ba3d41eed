"""Validation by introspection (RFC 7662): one call for all who ask at once, and a cache that denials empty."""

from __future__ import annotations

import asyncio
from hashlib import blake2b

from .bounded import BoundedDict
from .client import AuthAgentClient
from .clock import Clock
from .errors import InvalidTokenError, OAuthError, TemporarilyUnavailableError
from .feed import DenialFeed
from .operator_log import OperatorLog
from .options import Options
from .tasks import Tasks
from .verified_token import VerifiedToken, check_not_expired, read_verified

_KEEP_SECONDS = 10.0


class Introspector:
    """Asks about tokens. ``forget`` is called with every news of denials, and when there can be none."""

    def __init__(self, options: Options, client: AuthAgentClient, feed: DenialFeed, clock: Clock, tasks: Tasks) -> None:
        self._options = options
        self._client = client
        self._feed = feed
        self._clock = clock
        self._tasks = tasks
        self._answers: BoundedDict[bytes, tuple[float, VerifiedToken]] = BoundedDict(10_000)
        self._asking: dict[tuple[bytes, int], asyncio.Task[VerifiedToken]] = {}
        self._generation = 0
        self._log = OperatorLog(clock)
        feed.on_news(self.forget)

    def forget(self) -> None:
        """Forgets every answer, those to questions that are open included."""
        self._generation += 1
        self._answers.clear()

    def find_kept(self, token: bytes) -> VerifiedToken | None:
        """An answer that is kept and may still be used. Raises ``InvalidTokenError`` where the token has expired."""
        digest = _digest(token)
        kept = self._answers.get(digest)
        if kept is None:
            return None
        keep_until, verified = kept
        if self._clock.monotonic() >= keep_until or not self._feed.is_live():
            self._answers.pop(digest, None)
            return None
        check_not_expired(verified.expires_at, self._clock.time())
        return verified

    def recall(self, token: bytes) -> VerifiedToken | None:
        """The same, where there is nothing to refuse."""
        try:
            return self.find_kept(token)
        except InvalidTokenError:
            return None

    async def ask(self, token: bytes, resource: str) -> VerifiedToken:
        """Asks the authorization server; the answer is not looked up, but it is kept.

        Raises ``InvalidTokenError`` or ``TemporarilyUnavailableError``.
        """
        # Who asks after a denial arrived must not get the answer to a question from before.
        key = _digest(token), self._generation
        asking = self._asking.get(key)
        if asking is None:
            asking = self._asking[key] = self._tasks.start(self._ask_once(token, key, resource))
        # One caller who gives up must not end the question of the others.
        return await asyncio.shield(asking)

    async def _ask_once(self, token: bytes, key: tuple[bytes, int], resource: str) -> VerifiedToken:
        try:
            verified = await self._ask_server(token, resource)
        finally:
            del self._asking[key]
        digest, generation = key
        if generation == self._generation and self._feed.is_live():
            self._answers.put(digest, (self._clock.monotonic() + _KEEP_SECONDS, verified))
        return verified

    async def _ask_server(self, token: bytes, resource: str) -> VerifiedToken:
        try:
            answer = await self._client.introspect_token(token.decode())
        except OAuthError as error:
            if error.status == 401:
                server_id = self._options.server_id
                self._log.error("The authorization server refused the API key of %s. Set another.", server_id)
            raise TemporarilyUnavailableError("The access token cannot be checked now. Try again.") from error
        except TemporarilyUnavailableError as error:
            self._log.warn("Access tokens cannot be introspected now. %s", error.description)
            raise TemporarilyUnavailableError("The access token cannot be checked now. Try again.") from error
        if not answer["active"]:
            raise InvalidTokenError("The access token has expired, was revoked, or is none of this server's.")
        return read_verified(answer, resource, self._options, self._clock.time())


def _digest(token: bytes) -> bytes:
    # BLAKE2b is at hand in CPython itself; SHA-256 asks OpenSSL, which takes longer than all else here.
    return blake2b(token, digest_size=32).digest()
