"""What the operator reads: one line in a while for each thing that goes wrong, however often it does."""

from __future__ import annotations

import logging
import math

from .clock import Clock

_LOG = logging.getLogger("auth_agent_mcp")


class OperatorLog:
    """Says the same thing at most once in ``interval`` seconds. The message is the thing; its arguments may differ."""

    def __init__(self, clock: Clock, interval: float = 60) -> None:
        self._clock = clock
        self._interval = interval
        self._said_at: dict[str, float] = {}

    def warn(self, message: str, *arguments: object) -> None:
        """Logs a warning."""
        self._say(logging.WARNING, message, arguments)

    def error(self, message: str, *arguments: object) -> None:
        """Logs an error: nothing will work until somebody does what it says."""
        self._say(logging.ERROR, message, arguments)

    def _say(self, level: int, message: str, arguments: tuple[object, ...]) -> None:
        now = self._clock.monotonic()
        if now - self._said_at.get(message, -math.inf) >= self._interval:
            self._said_at[message] = now
            _LOG.log(level, message, *arguments)
