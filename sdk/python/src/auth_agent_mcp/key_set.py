"""The public keys of the authorization server (RFC 7517 §5), kept by the rules of HTTP (RFC 9111)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import httpx

from .api_calls import read_object
from .client import AuthAgentClient
from .clock import Clock
from .errors import AuthAgentError, InvalidTokenError, TemporarilyUnavailableError
from .jwk import PublicKey, import_jwk
from .tasks import Tasks

_MAX_AGE = re.compile(r'(?:^|[,\s])max-age="?(\d{1,9})"?(?:$|[,\s])', re.IGNORECASE)
_DEFAULT_MAX_AGE, _MIN_MAX_AGE, _MAX_MAX_AGE = 300, 60, 86_400
_UNKNOWN_KID_INTERVAL = 60.0
"""Seconds between two fetches for keys that are not there: anybody can make up a ``kid``."""
_RETRY_INTERVAL = 1.0


class KeySet:
    """Keys by their ``kid``. Requests that come while the keys are fetched share one fetch."""

    def __init__(self, client: AuthAgentClient, clock: Clock, tasks: Tasks) -> None:
        self._client = client
        self._clock = clock
        self._tasks = tasks
        self._keys: dict[str, list[PublicKey]] = {}
        self._document: object = None
        self.stale_at = 0.0
        """When ``refresh`` has something to do, by the monotonic clock."""
        self._attempted_at: float | None = None
        self._asked_for_unknown_at: float | None = None
        self._has_failed = False
        self._fetching: asyncio.Task[None] | None = None
        self._listeners: list[Callable[[], None]] = []

    def on_change(self, listener: Callable[[], None]) -> None:
        """Calls back whenever a key set that differs arrives."""
        self._listeners.append(listener)

    def refresh(self) -> None:
        """Fetches the keys again in the background, where they are old."""
        if self._keys and self._clock.monotonic() >= self.stale_at:
            self._fetch()

    def find_known(self, kid: str, alg: str) -> PublicKey | None:
        """The key of this ``kid``, for this algorithm, if it is at hand."""
        for key in self._keys.get(kid, ()):
            if alg in key.verifiers:
                return key
        return None

    async def fetch_for(self, kid: str, alg: str) -> None:
        """Fetches the keys because one is not there, as often as that is allowed.

        Raises ``InvalidTokenError`` where there is none, ``TemporarilyUnavailableError`` where nobody can tell.
        """
        if not self._keys:
            await self._fetch_first()
        elif kid not in self._keys:
            await self._fetch_for_unknown()
        if kid not in self._keys and self._has_failed:
            raise TemporarilyUnavailableError("The keys of the authorization server cannot be fetched. Try again.")
        if self.find_known(kid, alg) is None:
            raise InvalidTokenError("The access token is not signed with a key of the authorization server.")

    async def _fetch_first(self) -> None:
        now = self._clock.monotonic()
        if self._fetching is not None or self._attempted_at is None or now - self._attempted_at >= _RETRY_INTERVAL:
            await asyncio.shield(self._fetch())
        if not self._keys:
            raise TemporarilyUnavailableError("The keys of the authorization server cannot be fetched. Try again.")

    async def _fetch_for_unknown(self) -> None:
        now = self._clock.monotonic()
        asked_at = self._asked_for_unknown_at
        if asked_at is None or now - asked_at >= _UNKNOWN_KID_INTERVAL:
            self._asked_for_unknown_at = now
            # A fetch that is under way may have been answered before the key was there.
            if self._fetching is not None:
                await asyncio.shield(self._fetching)
            await asyncio.shield(self._fetch())
        elif self._fetching is not None:
            await asyncio.shield(self._fetching)

    def _fetch(self) -> asyncio.Task[None]:
        if self._fetching is None:
            self._fetching = self._tasks.start(self._fetch_once())
        return self._fetching

    async def _fetch_once(self) -> None:
        self._attempted_at = self._clock.monotonic()
        try:
            response = await self._client.send(self._client.calls.jwks())
            document = read_object(response).get("keys")
            if not isinstance(document, list):
                raise TemporarilyUnavailableError("The authorization server answered with no key set.")
        except AuthAgentError:
            self._has_failed = True
            # What we have goes on serving, and is not asked for with every request meanwhile.
            self.stale_at = max(self.stale_at, self._clock.monotonic() + _MIN_MAX_AGE) if self._keys else 0.0
        else:
            self._has_failed = False
            self.stale_at = self._clock.monotonic() + _max_age(response)
            self._replace(document)
        finally:
            self._fetching = None

    def _replace(self, document: list[Any]) -> None:
        if document == self._document:
            return
        keys: dict[str, list[PublicKey]] = {}
        for jwk in document:
            try:
                keys.setdefault(jwk["kid"], []).append(import_jwk(jwk))
            except (ValueError, TypeError, KeyError, AttributeError):
                continue  # RFC 7517 §5: what is not understood should be ignored.
        self._keys, self._document = keys, document
        for listener in self._listeners:
            listener()


def _max_age(response: httpx.Response) -> float:
    match = _MAX_AGE.search(",".join(response.headers.get_list("cache-control")))
    if match is None:
        return _DEFAULT_MAX_AGE
    return min(max(int(match[1]), _MIN_MAX_AGE), _MAX_MAX_AGE)
