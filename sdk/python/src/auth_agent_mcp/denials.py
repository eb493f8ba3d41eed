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


Known = Mapping[str, Mapping["str | None", Denial]]
"""By kind, and by subject; a subject is never None, though it may be looked for."""


@dataclass(frozen=True)
class FeedAnswer:
    """One answer of the feed."""

    cursor: str
    is_snapshot: bool
    time: float
    """By the clock of the authorization server."""
    denials: Known


def read_feed_answer(body: Mapping[str, Any]) -> FeedAnswer:
    """Raises ``ValueError`` where it is no answer of the feed."""
    cursor, is_snapshot, entries = body.get("cursor"), body.get("snapshot"), body.get("denials")
    time = body.get("time")
    if not isinstance(cursor, str) or not isinstance(is_snapshot, bool) or not is_number(time):
        raise ValueError("no answer of the feed")
    if not isinstance(entries, list):
        raise ValueError("no answer of the feed")
    denials: dict[str, dict[str | None, Denial]] = {kind: {} for kind in KINDS}
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("kind"), str):
            raise ValueError("no denial")
        subjects = denials.get(entry["kind"])
        if subjects is not None:
            subject, denial = _read_denial(entry)
            subjects[subject] = _merge(subjects.get(subject), denial)
    return FeedAnswer(cursor, is_snapshot, time, denials)


class Denials:
    """Those that are known."""

    def __init__(self) -> None:
        self._known: Known = {kind: {} for kind in KINDS}
        self._is_empty = True

    def apply(self, answer: FeedAnswer, now: float) -> bool:
        """Takes up an answer of the feed. Answers whether there was anything in it that was not known."""
        before = self._known
        after = answer.denials if answer.is_snapshot else _add(before, answer.denials)
        # Our clock may be ahead, and be set back: then a token is good again, and its denial does not come again.
        now = min(now, answer.time)
        self._known = {
            kind: {subject: denial for subject, denial in subjects.items() if denial.expires_at > now}
            for kind, subjects in after.items()
        }
        self._is_empty = not any(self._known.values())
        return any(
            _is_news(before[kind].get(subject), denial)
            for kind, subjects in answer.denials.items()
            for subject, denial in subjects.items()
        )

    def denies(self, token: VerifiedToken) -> bool:
        """Whether a token has ended. Every request comes by here; nearly always, nothing is found."""
        if self._is_empty:
            return False
        known = self._known
        denials = [
            known["token"].get(token.jti),
            known["grant"].get(token.grant_id),
            known["user"].get(token.subject),
            known["client"].get(token.client_id),
            *map(known["server"].get, token.audiences),
        ]
        return any(denials) and any(denial is not None and _applies(denial, token) for denial in denials)

    def __len__(self) -> int:
        return sum(map(len, self._known.values()))


def _applies(denial: Denial, token: VerifiedToken) -> bool:
    return token.issued_at is None or token.issued_at <= denial.cutoff


def _read_denial(entry: Mapping[str, Any]) -> tuple[str, Denial]:
    subject, expires_at, cutoff = entry.get("subject"), entry.get("expires_at"), entry.get("cutoff", math.inf)
    if not isinstance(subject, str) or not is_number(expires_at) or not (cutoff == math.inf or is_number(cutoff)):
        raise ValueError("no denial")
    return subject, Denial(cutoff, expires_at)


def _add(before: Known, more: Known) -> Known:
    return {
        kind: {
            **before[kind],
            **{subject: _merge(before[kind].get(subject), denial) for subject, denial in subjects.items()},
        }
        for kind, subjects in more.items()
    }


def _merge(one: Denial | None, other: Denial) -> Denial:
    """What both deny together; never less than either."""
    if one is None:
        return other
    return Denial(max(one.cutoff, other.cutoff), max(one.expires_at, other.expires_at))


def _is_news(known: Denial | None, denial: Denial) -> bool:
    return known is None or denial.cutoff > known.cutoff or denial.expires_at > known.expires_at
