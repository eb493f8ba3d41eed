"""A dictionary that never grows beyond its limit."""

from __future__ import annotations

from collections import OrderedDict
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


# A plain dictionary would look for its oldest entry among the places of those that have gone.
class BoundedDict(OrderedDict[K, V]):
    """Keeps the latest ``limit`` entries; the oldest make room."""

    __slots__ = ("_limit",)

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    def put(self, key: K, value: V) -> None:
        """Keeps a value, as the newest."""
        if key in self:
            self.move_to_end(key)
        elif len(self) >= self._limit:
            self.popitem(last=False)
        self[key] = value
