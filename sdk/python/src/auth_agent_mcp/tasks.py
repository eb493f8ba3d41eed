"""Tasks of one event loop that nobody forgets."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextvars import Context
from typing import Any, TypeVar

T = TypeVar("T")


class Tasks:
    """Starts tasks, and ends those that are left."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Starts a task that belongs to no request: it has none of the request's context, and outlives it."""
        task = Context().run(asyncio.get_running_loop().create_task, work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        # Whoever waits for it sees the error; where nobody does any more, it is no news for the event loop.
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return task

    async def cancel(self) -> None:
        """Ends what is running, and waits for that."""
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
