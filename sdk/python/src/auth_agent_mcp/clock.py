"""Where the time comes from, so that tests can say what it is."""

from __future__ import annotations

import asyncio
from time import monotonic as system_monotonic
from time import time as system_time
from typing import Protocol


class Clock(Protocol):
    """Two times, in seconds: of the calendar, for what tokens say; and one that never jumps, for how long ago."""

    def time(self) -> float:
        """Seconds since 1970."""

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""

    async def sleep(self, seconds: float) -> None:
        """Waits."""


class SystemClock:
    """The clock of the machine. It is looked at several times for each request, hence without a detour."""

    time = staticmethod(system_time)
    monotonic = staticmethod(system_monotonic)
    sleep = staticmethod(asyncio.sleep)
