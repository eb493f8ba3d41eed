"""A dictionary that never grows beyond its limit."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class BoundedDict(Generic[K, V]):
    """Keeps the latest ``limit`` entries; the oldest make room."""

    __slots__ = ("_entries", "_limit")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        # A plain dictionary would look for its oldest entry among the places of those that have gone.
        self._entries: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        """What is kept under a key."""
        return self._entries.get(key)

    def put(self, key: K, value: V) -> None:
        """Keeps a value, as the newest."""
        self._entries.pop(key, None)
        self._entries[key] = value
        if len(self._entries) > self._limit:
            self._entries.popitem(last=False)

    def drop(self, key: K) -> None:
        """Forgets one entry, if it is there."""
        self._entries.pop(key, None)

    def clear(self) -> None:
        """Forgets everything."""
        self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)
