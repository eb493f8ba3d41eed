"""Verifies credentials: all that stands between a token and the application."""

from __future__ import annotations

import asyncio
import threading
from typing import NamedTuple

import httpx

from .access_token import AccessTokenVerifier
from .client import AuthAgentClient
from .clock import Clock, SystemClock
from .dpop import DPoPVerifier, ProofRequest, ReplayCache
from .errors import InvalidDPoPProofError, InvalidTokenError, WrongAudienceError
from .feed import DenialFeed
from .introspection import Introspector
from .key_set import KeySet
from .operator_log import OperatorLog
from .options import Options
from .protected_resource import ProtectedResource, ResourceFinder, describe_options
from .tasks import Tasks
from .verified_token import VerifiedToken

_SOON = 1.0
"""Seconds within which a revocation gets around; nobody is promised less."""


class Connection:
    """What one event loop knows of the authorization server, and the tasks that keep it up to date."""

    def __init__(
        self, options: Options, clock: Clock, transport: httpx.AsyncBaseTransport | None, *, on_demand: bool
    ) -> None:
        self._tasks = Tasks()
        self._client = AuthAgentClient(
            server_id=options.server_id, api_key=options.api_key, auth_server=options.auth_server, transport=transport
        )
        self.resources = ResourceFinder(options, self._client, clock, self._tasks)
        self.feed = DenialFeed(self._client, clock, self._tasks, on_demand=on_demand)
        self.introspector = Introspector(options, self._client, self.feed, clock, self._tasks)
        self.access_tokens = AccessTokenVerifier(options, KeySet(self._client, clock, self._tasks), clock)
        self._closer = self._tasks.start(self._close_at_end())
        self.feed.start()

    async def aclose(self) -> None:
        """Ends the tasks and closes the connections."""
        await self._tasks.cancel()

    async def _close_at_end(self) -> None:
        # Where nobody says that the application ends, the event loop cancels its tasks: this one too.
        try:
            await asyncio.Event().wait()
        finally:
            await self._client.aclose()


class Credential(NamedTuple):
    """An access token as it was presented: ``scheme`` is ``Bearer`` or ``DPoP``."""

    scheme: str
    token: str


class Verifier:
    """Verifies access tokens by introspection or locally, with the denials of the feed, and DPoP proofs."""

    def __init__(
        self,
        options: Options,
        *,
        clock: Clock | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        on_demand: bool = False,
    ) -> None:
        self._options = options
        self._clock = clock or SystemClock()
        self._transport = transport
        self._on_demand = on_demand
        self._connections: dict[asyncio.AbstractEventLoop, Connection] = {}
        self._lock = threading.Lock()
        self._proofs = DPoPVerifier(self._clock, ReplayCache())
        self.resource = describe_options(options)
        """This server, where it is known already."""
        self._log = OperatorLog(self._clock)

    def start(self) -> None:
        """Starts to listen to the feed, in the event loop that runs."""
        self._connect()

    async def aclose(self) -> None:
        """Stops what was started in the event loop that runs."""
        with self._lock:
            connection = self._connections.pop(asyncio.get_running_loop(), None)
        if connection is not None:
            await connection.aclose()

    async def find_resource(self) -> ProtectedResource:
        """This server. Raises ``TemporarilyUnavailableError`` where it is not known yet."""
        if self.resource is None:
            self.resource = await self._connect().resources.find()
        return self.resource

    async def verify(self, credential: Credential, proof: ProofRequest | None) -> VerifiedToken:
        """What the token of this credential says. ``proof`` is the request, where it may be bound to one.

        Raises ``InvalidTokenError``, ``InvalidDPoPProofError``, ``TemporarilyUnavailableError``.
        """
        resource = (self.resource or await self.find_resource()).resource
        verified = await self._verify_token(credential.token.encode(), resource)
        self._check_binding(verified, credential, proof)
        return verified

    def recall(self, token: bytes) -> VerifiedToken | None:
        """What a Bearer token says that is known to be good; none where anything is to be asked, or refused."""
        connection = self._connections.get(asyncio.get_running_loop())
        if connection is None:
            return None
        feed, now = connection.feed, self._clock.monotonic()
        if self._options.validation == "introspect":
            verified = None if self._on_demand else connection.introspector.recall(token)
        elif feed.is_fresh(now, self._options.max_staleness):
            verified = connection.access_tokens.recall(token, now)
        else:
            return None
        if verified is None or verified.expires_at <= self._clock.time() or verified.jkt is not None:
            return None
        return None if feed.denials.denies(verified) else verified

    def now(self) -> float:
        """The moment, for ``confirm``."""
        return self._clock.monotonic()

    async def confirm(self, token: str, since: float) -> None:
        """Verifies a token again, without its proof, where that was more than a second ago. Raises as ``verify``."""
        if self._clock.monotonic() - since > _SOON:
            await self._verify_token(token.encode(), (await self.find_resource()).resource)

    async def _verify_token(self, token: bytes, resource: str) -> VerifiedToken:
        connection = self._connect()
        try:
            verified = self._find_at_hand(connection, token, resource)
            return verified or await self._ask(connection, token, resource)
        except WrongAudienceError as error:
            self._warn_of_audience(error)
            raise

    def _warn_of_audience(self, error: WrongAudienceError) -> None:
        """Often it is this server whose URL is wrong, and then nobody gets in."""
        audiences = repr(" ".join(error.audiences))[:200]
        self._log.warn("A token for %s was refused, since this server is %s.", audiences, error.resource)

    def _find_at_hand(self, connection: Connection, token: bytes, resource: str) -> VerifiedToken | None:
        """What can be told without asking anybody, which is nearly always; otherwise none."""
        feed = connection.feed
        if self._options.validation == "introspect":
            return self._find_kept(connection, token) if feed.is_ready() or not self._on_demand else None
        verified = connection.access_tokens.find(token, resource)
        if verified is None or not feed.is_fresh(self._clock.monotonic(), self._options.max_staleness):
            return None
        return self._check_not_denied(feed, verified)

    async def _ask(self, connection: Connection, token: bytes, resource: str) -> VerifiedToken:
        """Asks for keys, for denials, or about the token itself, as far as it must."""
        feed, introspector = connection.feed, connection.introspector
        if self._options.validation == "introspect":
            if self._on_demand:
                await feed.prepare()
            kept = self._find_kept(connection, token)
            return kept or self._check_not_denied(feed, await introspector.ask(token, resource))
        verified = await connection.access_tokens.verify(token, resource)
        await feed.prepare()
        self._check_not_denied(feed, verified)
        if feed.age() > self._options.max_staleness:
            return self._check_not_denied(feed, await introspector.ask(token, resource))
        return verified

    def _find_kept(self, connection: Connection, token: bytes) -> VerifiedToken | None:
        kept = connection.introspector.find_kept(token)
        return None if kept is None else self._check_not_denied(connection.feed, kept)

    def _check_not_denied(self, feed: DenialFeed, verified: VerifiedToken) -> VerifiedToken:
        """A denial counts whatever introspection says: a node that has not heard of it may have answered."""
        if feed.denials.denies(verified):
            raise InvalidTokenError("The access token was revoked. Sign in again.")
        return verified

    def _check_binding(self, verified: VerifiedToken, credential: Credential, proof: ProofRequest | None) -> None:
        """RFC 9449 §7.1: a bound token needs its proof, and must not be passed off as a plain one."""
        if verified.jkt is None:
            if credential.scheme != "Bearer":
                raise InvalidTokenError("The access token is not bound to a key. Send it as Bearer.")
        elif credential.scheme != "DPoP":
            raise InvalidTokenError("The access token is bound to a key. Send it as DPoP, with a proof.")
        elif proof is None:
            raise InvalidDPoPProofError("There is no request that the proof could be for.")
        else:
            self._proofs.check(proof, credential.token, verified.jkt)

    def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        return self._connections.get(loop) or self._open_connection(loop)

    def _open_connection(self, loop: asyncio.AbstractEventLoop) -> Connection:
        connection = Connection(self._options, self._clock, self._transport, on_demand=self._on_demand)
        with self._lock:  # Event loops may run in several threads.
            # An event loop that has ended took its tasks and connections with it.
            self._connections = {other: kept for other, kept in self._connections.items() if not other.is_closed()}
            self._connections[loop] = connection
        return connection
