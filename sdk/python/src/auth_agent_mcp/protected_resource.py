"""This server as a protected resource (RFC 9728): its own URL, and what its metadata says."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import unquote, urlsplit

from .api_calls import read_object
from .client import AuthAgentClient
from .clock import Clock
from .errors import AuthAgentError, TemporarilyUnavailableError
from .operator_log import OperatorLog
from .options import Options
from .scopes import is_scope, unique
from .tasks import Tasks
from .uri import WELL_KNOWN, metadata_url, split_server_url

_LOG = logging.getLogger("auth_agent_mcp")
_RETRY_INTERVAL = 1.0


@dataclass(frozen=True)
class ProtectedResource:
    """What clients must know of this server."""

    resource: str
    scopes_supported: tuple[str, ...]
    resource_name: str | None

    @cached_property
    def origin(self) -> str:
        """Scheme, host and port of the URL."""
        parts = urlsplit(self.resource)
        return f"{parts.scheme}://{parts.netloc}"

    @cached_property
    def metadata_url(self) -> str:
        """Where the metadata is."""
        return metadata_url(self.resource)

    @cached_property
    def metadata_paths(self) -> frozenset[str]:
        """The decoded paths under which this server answers with its metadata."""
        return frozenset({WELL_KNOWN, WELL_KNOWN + unquote(urlsplit(self.resource).path)})

    def to_metadata(self, auth_server: str) -> dict[str, Any]:
        """RFC 9728 §2."""
        return {
            "resource": self.resource,
            "authorization_servers": [auth_server],
            "bearer_methods_supported": ["header"],
            **({"scopes_supported": list(self.scopes_supported)} if self.scopes_supported else {}),
            **({"resource_name": self.resource_name} if self.resource_name else {}),
        }


class ResourceFinder:
    """Learns the URL that this server was registered with, once. It is never derived from a request."""

    def __init__(self, options: Options, client: AuthAgentClient, clock: Clock, tasks: Tasks) -> None:
        self._options = options
        self._client = client
        self._clock = clock
        self._tasks = tasks
        self._asking: asyncio.Task[None] | None = None
        self._attempted_at: float | None = None
        self._log = OperatorLog(clock)
        self.known: ProtectedResource | None = describe_options(options)

    async def find(self) -> ProtectedResource:
        """Raises ``TemporarilyUnavailableError`` where it cannot be known yet."""
        if self.known is None and (self._asking is not None or self._may_ask()):
            if self._asking is None:
                self._asking = self._tasks.start(self._ask())
            await asyncio.shield(self._asking)
        if self.known is None:
            raise TemporarilyUnavailableError(
                "It is not known yet what this server's URL is; the log of this server says why. Try again."
            )
        return self.known

    def _may_ask(self) -> bool:
        now = self._clock.monotonic()
        return self._attempted_at is None or now - self._attempted_at >= _RETRY_INTERVAL

    async def _ask(self) -> None:
        self._attempted_at = self._clock.monotonic()
        try:
            answer = read_object(await self._client.send(self._client.calls.protected_resource()))
            self.known = _read_metadata(answer, self._options)
        except (AuthAgentError, ValueError) as error:
            server_id = self._options.server_id
            self._log.warn(
                "%s has not said what the URL of %s is, so every request is answered 503. If it can be reached, "
                "is the server registered there? Or set resource. %s",
                self._options.auth_server,
                server_id,
                error,
            )
        finally:
            self._asking = None


def describe_options(options: Options) -> ProtectedResource | None:
    """What the options say, where they name the URL."""
    if options.resource is None:
        return None
    scopes = options.scopes_supported
    return ProtectedResource(
        options.resource, needed_scopes(options) if scopes is None else scopes, options.resource_name
    )


def needed_scopes(options: Options) -> tuple[str, ...]:
    """The scopes that requests and tools need, in their order."""
    tools = (options.tool_scopes or {}).values()
    return unique([*options.required_scopes, *(scope for needed in tools for scope in needed)])


def _read_metadata(answer: Mapping[str, Any], options: Options) -> ProtectedResource:
    resource = answer.get("resource")
    if not isinstance(resource, str):
        raise ValueError("The metadata names no resource.")
    split_server_url(resource)
    registered = answer.get("scopes_supported")
    scopes = tuple(filter(is_scope, registered)) if isinstance(registered, list) else ()
    unknown = [scope for scope in needed_scopes(options) if scope not in scopes]
    if scopes and unknown:
        _LOG.warning(
            "%s has no scope %s registered, so nobody can be granted it.", options.server_id, ", ".join(unknown)
        )
    name = answer.get("resource_name")
    return ProtectedResource(
        resource=resource,
        scopes_supported=scopes if options.scopes_supported is None else options.scopes_supported,
        resource_name=options.resource_name or (name if isinstance(name, str) else None),
    )
