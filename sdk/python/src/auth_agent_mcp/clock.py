"""Where the time comes from, so that tests can say what it is."""

from __future__ import annotations

import asyncio
import time


class Clock:
    """Two times, in seconds: of the calendar, for what tokens say; and one that never jumps, for how long ago."""

    def time(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        await asyncio.sleep(seconds)
