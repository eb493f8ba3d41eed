"""Where the time comes from, so that tests can say what it is."""

from __future__ import annotations

import asyncio
from time import monotonic as system_monotonic
from time import time as system_time
from typing import Protocol


class Clock(Protocol):
    """Two times, in seconds: of the calendar, for what tokens say; and one that never goes back, for how long ago."""

    def time(self) -> float:
        """Seconds since 1970."""

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""

    async def sleep(self, seconds: float) -> None:
        """Waits."""


_NOTICEABLE = 1.0


class SystemClock:
    """The clock of the machine. It is looked at several times for each request, hence without a detour."""

    time = staticmethod(system_time)
    sleep = staticmethod(asyncio.sleep)

    def __init__(self) -> None:
        self._ahead = system_time() - system_monotonic()
        self._slept = 0.0

    def monotonic(self) -> float:
        """Seconds since some moment, with those for which the machine slept or was frozen; never goes back.

        The monotonic clock of most systems stands still meanwhile, and what was heard before would seem to be young.
        A calendar that is set ahead looks the same: then everything is asked again, which does no harm.
        """
        now = system_monotonic()
        gained = system_time() - now - self._ahead
        if abs(gained) > _NOTICEABLE:
            self._ahead += gained
            self._slept += max(gained, 0.0)
        return now + self._slept
