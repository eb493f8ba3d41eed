"""Who asks, as the application sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Auth:
    """Who asks, by an access token that was checked."""

    subject: str
    """The ``sub`` of the token: the person, or the client where it acts for itself."""
    user_email: str | None
    client_id: str
    scopes: list[str]
    """The token's scopes in order, with what they imply at the end."""
    audience: str
    """The URL of this server."""
    token: str = field(repr=False)
    claims: dict[str, Any]
    """What the token, or its introspection, says, as verified."""
