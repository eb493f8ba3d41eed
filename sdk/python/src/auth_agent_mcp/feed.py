"""The feed of denials: what was revoked is known here within a second."""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections.abc import Callable

import httpx

from .api_calls import read_object
from .client import TIMEOUT, AuthAgentClient
from .clock import Clock
from .denials import Denials, read_feed_answer
from .errors import AuthAgentError
from .tasks import Tasks

_LOG = logging.getLogger("auth_agent_mcp")

WAIT = 10
"""Seconds that the authorization server holds a request without news."""
_LIVE_SECONDS = 15.0
_FORGET_CURSOR_AFTER = 30.0
_FIRST_ANSWER_SECONDS = 5.0
_ON_DEMAND_AGE = 0.5
_QUICK = 0.05
_SAY_AGAIN_EVERY = 30
_FIRST_PAUSE, _LONGEST_PAUSE, _LONGEST_RETRY_AFTER = 0.2, 2.0, 10.0


class DenialFeed:
    """Asks for denials, one request at a time: in a task of its own, or, where there can be none, on demand."""

    def __init__(self, client: AuthAgentClient, clock: Clock, tasks: Tasks, *, on_demand: bool) -> None:
        self.denials = Denials()
        self._client = client
        self._clock = clock
        self._tasks = tasks
        self._is_on_demand = on_demand
        self._cursor: str | None = None
        self._heard_at = -math.inf
        self._failures = 0
        self._ask_again_at = -math.inf
        self._asking: asyncio.Task[None] | None = None
        self._listeners: list[Callable[[], None]] = []
        self._has_answer = asyncio.Event()
        self._started_at: float | None = None

    def on_news(self, listener: Callable[[], None]) -> None:
        """Calls back whenever a denial arrives that was not known, and whenever a request fails."""
        self._listeners.append(listener)

    def age(self) -> float:
        """Seconds since the last answer; infinite before the first."""
        return self._clock.monotonic() - self._heard_at

    def is_fresh(self, now: float, max_age: float) -> bool:
        """Whether ``prepare`` would do nothing, and the last answer is no older than this."""
        return now - self._heard_at <= (min(max_age, _ON_DEMAND_AGE) if self._is_on_demand else max_age)

    def is_live(self) -> bool:
        """Whether a revocation would be known here within a second or so."""
        return self._failures == 0 and self.age() < _LIVE_SECONDS

    def start(self) -> None:
        """Starts to listen, unless it is on demand."""
        if self._started_at is None:
            self._started_at = self._clock.monotonic()
            if not self._is_on_demand:
                self._tasks.start(self._listen())

    def is_ready(self) -> bool:
        """Whether ``prepare`` would do nothing."""
        return self.age() <= _ON_DEMAND_AGE if self._is_on_demand else self._has_answer.is_set()

    async def prepare(self) -> None:
        """Waits for the snapshot, 5 s from the start at the most; on demand, asks unless the last answer is young."""
        if self._is_on_demand:
            await self._ask_on_demand()
        elif not self._has_answer.is_set() and self._started_at is not None:
            left = self._started_at + _FIRST_ANSWER_SECONDS - self._clock.monotonic()
            if left > 0:
                try:
                    await asyncio.wait_for(self._has_answer.wait(), left)
                except asyncio.TimeoutError:
                    _LOG.warning(
                        "The list of revoked access has not come yet; access tokens are introspected meanwhile."
                    )

    async def _ask_on_demand(self) -> None:
        if self.age() <= _ON_DEMAND_AGE:
            return
        if self._asking is None:
            if self._clock.monotonic() < self._ask_again_at:
                return
            self._asking = self._tasks.start(self._ask(0))
            self._asking.add_done_callback(self._forget_asking)
        await asyncio.shield(self._asking)

    def _forget_asking(self, _: asyncio.Task[None]) -> None:
        self._asking = None

    async def _listen(self) -> None:
        was_quick = False
        while True:
            asked_at = self._clock.monotonic()
            # After a failure it wants to know at once where it stands.
            await self._ask(WAIT if self._failures == 0 else 0)
            now = self._clock.monotonic()
            # The first answer comes at once. Where others do too, the server is not asked without a pause.
            is_quick = now - asked_at < _QUICK
            await self._clock.sleep(max(self._ask_again_at - now, _QUICK if is_quick and was_quick else 0))
            was_quick = is_quick

    async def _ask(self, wait: int) -> None:
        """One request. It never fails; what it found out is in the state."""
        cursor = None if self.age() >= _FORGET_CURSOR_AFTER else self._cursor
        response: httpx.Response | None = None
        try:
            response = await self._client.send(self._client.calls.revocations(cursor, wait), within=wait + TIMEOUT)
            answer = read_feed_answer(read_object(response))
            if cursor is None and not answer.is_snapshot:
                raise ValueError("not all that is known")
        except AuthAgentError as error:
            self._note_failure(error.description, response)
            return
        except ValueError:
            self._note_failure("The authorization server answered with something that is no feed of denials.", response)
            return
        except Exception:
            # Whatever it was, the feed must come back; until then, nothing relies on it.
            _LOG.exception("Asking for the list of revoked access failed in a way that nobody expected.")
            self._note_failure("See the line before.", response)
            return
        if self._failures > 0:
            _LOG.warning("The list of revoked access is up to date again.")
        self._cursor, self._failures, self._heard_at = answer.cursor, 0, self._clock.monotonic()
        self._ask_again_at = -math.inf
        if self.denials.apply(answer, self._clock.time()):
            self._tell()
        self._has_answer.set()

    def _note_failure(self, description: str, response: httpx.Response | None) -> None:
        if self._failures == 0:
            _LOG.warning("The list of revoked access cannot be asked for now; it is tried again. %s", description)
        if response is not None and response.status_code in (401, 403) and self._failures % _SAY_AGAIN_EVERY == 0:
            _LOG.error("The authorization server refused the API key. Make a new one for this server, and set api_key.")
        pause = min(_FIRST_PAUSE * 2.0 ** min(self._failures, 10), _LONGEST_PAUSE)
        pause += pause * random.uniform(-0.25, 0.25)
        self._failures += 1
        self._ask_again_at = self._clock.monotonic() + max(pause, _retry_after(response))
        self._tell()

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()


def _retry_after(response: httpx.Response | None) -> float:
    """The seconds of ``Retry-After`` (RFC 9110 §10.2.3), where there are any."""
    if response is None or response.status_code not in (429, 503):
        return 0
    seconds = response.headers.get("retry-after", "")
    return min(float(seconds), _LONGEST_RETRY_AFTER) if seconds.isascii() and seconds.isdigit() else 0
