"""Paths that need no token."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .http_request import HttpRequest

# Whatever the application, or a proxy before it, may take for another path than the one that is seen here.
_TRICK = re.compile(r"//|\\|/\.{1,2}(?:/|$)|%(?:25)*(?:2e|2f|5c)", re.IGNORECASE)


def is_public(request: HttpRequest, public_paths: Sequence[str]) -> bool:
    """Whether a request is for a path that is public: exact, or below a prefix that ends in ``*``."""
    if not public_paths or not any(_matches(request.path, pattern) for pattern in public_paths):
        return False
    return not (_TRICK.search(request.path) or _TRICK.search(request.raw_path))


def _matches(path: str, pattern: str) -> bool:
    return path.startswith(pattern[:-1]) if pattern.endswith("*") else path == pattern
