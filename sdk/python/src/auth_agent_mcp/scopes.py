"""Scopes: their syntax (RFC 6749 §3.3), and which of them imply others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


def is_scope(value: object) -> bool:
    """Whether a value is one scope token (RFC 6749 §3.3)."""
    return isinstance(value, str) and _SCOPE.fullmatch(value) is not None


def unique(scopes: Iterable[str]) -> tuple[str, ...]:
    """The scopes in their order, each once."""
    return tuple(dict.fromkeys(scopes))


@lru_cache(maxsize=1000)
def parse_scope(scope: str) -> tuple[str, ...]:
    """The scopes of a token's ``scope``; few differ."""
    return unique(filter(None, scope.split(" ")))


def with_implied(scopes: tuple[str, ...], hierarchy: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The scopes, followed by those that they imply, over any number of steps."""
    if not hierarchy:
        return scopes
    all_scopes = dict.fromkeys(scopes)
    pending = list(all_scopes)
    for scope in pending:
        for implied in hierarchy.get(scope, ()):
            if implied not in all_scopes:
                all_scopes[implied] = None
                pending.append(implied)
    return tuple(all_scopes)
