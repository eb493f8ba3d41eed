"""What ended before it expired."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .verified_token import VerifiedToken, is_number

KINDS = ("token", "grant", "user", "client", "server")


@dataclass(frozen=True)
class Denial:
    """Denies what was issued at or before ``cutoff``, until ``expires_at``. Seconds since 1970."""

    cutoff: float
    expires_at: float


@dataclass(frozen=True)
class FeedAnswer:
    """One answer of the feed."""

    cursor: str
    is_snapshot: bool
    denials: Mapping[tuple[str, str], Denial]


def read_feed_answer(body: Mapping[str, Any]) -> FeedAnswer:
    """Raises ``ValueError`` where it is no answer of the feed."""
    cursor, is_snapshot, entries = body.get("cursor"), body.get("snapshot"), body.get("denials")
    if not isinstance(cursor, str) or not isinstance(is_snapshot, bool) or not is_number(body.get("time")):
        raise ValueError("no answer of the feed")
    if not isinstance(entries, list):
        raise ValueError("no answer of the feed")
    denials: dict[tuple[str, str], Denial] = {}
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("kind"), str):
            raise ValueError("no denial")
        if entry["kind"] in KINDS:
            key, denial = _read_denial(entry)
            denials[key] = _merge(denials.get(key), denial)
    return FeedAnswer(cursor, is_snapshot, denials)


class Denials:
    """Those that are known."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Denial] = {}

    def apply(self, answer: FeedAnswer, now: float) -> bool:
        """Takes up an answer of the feed. Answers whether there was anything in it that was not known."""
        before = self._known
        after = dict(answer.denials) if answer.is_snapshot else {**before}
        if not answer.is_snapshot:
            for key, denial in answer.denials.items():
                after[key] = _merge(before.get(key), denial)
        self._known = {key: denial for key, denial in after.items() if denial.expires_at > now}
        return any(_is_news(before.get(key), denial) for key, denial in answer.denials.items())

    def denies(self, token: VerifiedToken) -> bool:
        """Whether a token has ended."""
        known = self._known
        if not known:
            return False
        subjects = [
            ("token", token.jti),
            ("grant", token.grant_id),
            ("user", token.subject),
            ("client", token.client_id),
            *(("server", audience) for audience in token.audiences),
        ]
        for key in subjects:
            denial = known.get(key)  # type: ignore[arg-type]  # None is no subject, and not found.
            if denial is not None and (token.issued_at is None or token.issued_at <= denial.cutoff):
                return True
        return False

    def __len__(self) -> int:
        return len(self._known)


def _read_denial(entry: Mapping[str, Any]) -> tuple[tuple[str, str], Denial]:
    subject, expires_at, cutoff = entry.get("subject"), entry.get("expires_at"), entry.get("cutoff", math.inf)
    if not isinstance(subject, str) or not is_number(expires_at) or not (cutoff == math.inf or is_number(cutoff)):
        raise ValueError("no denial")
    return (entry["kind"], subject), Denial(cutoff, float(expires_at))


def _merge(one: Denial | None, other: Denial) -> Denial:
    """What both deny together; never less than either."""
    if one is None:
        return other
    return Denial(max(one.cutoff, other.cutoff), max(one.expires_at, other.expires_at))


def _is_news(known: Denial | None, denial: Denial) -> bool:
    return known is None or denial.cutoff > known.cutoff or denial.expires_at > known.expires_at
