"""Clients of the authorization server, for an MCP server: one that awaits, and one that blocks."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Coroutine, Sequence
from functools import cache
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from .api_calls import ApiCalls, check_status, read_exchange, read_introspection, read_server_metadata
from .errors import TemporarilyUnavailableError
from .options import DEFAULT_AUTH_SERVER, check_credentials
from .results import IntrospectionResult, ServerMetadata, TokenExchangeResult

if TYPE_CHECKING:
    from typing_extensions import Self

T = TypeVar("T")

TIMEOUT = 5.0
"""Seconds for one call, from its start to the end of the answer."""


@cache
def _tls_context() -> ssl.SSLContext:
    # Reading the certificate authorities takes 20 ms or more; every client of a process shares them.
    return httpx.create_ssl_context()


class AuthAgentClient:
    """Asks the authorization server, as one MCP server. Belongs to one event loop; close it, or use ``async with``.

    Every method raises ``OAuthError`` where the authorization server refuses, and ``TemporarilyUnavailableError``
    where it cannot be asked.
    """

    def __init__(
        self,
        *,
        server_id: str,
        api_key: str,
        auth_server: str = DEFAULT_AUTH_SERVER,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        check_credentials(server_id, api_key, auth_server)
        self.auth_server = auth_server
        self.calls = ApiCalls(server_id, api_key, auth_server)
        self._http = httpx.AsyncClient(timeout=TIMEOUT, transport=transport, verify=_tls_context())

    async def introspect_token(self, token: str) -> IntrospectionResult:
        """Asks whether a token for this server is active, and what it says (RFC 7662). Nothing is cached."""
        return read_introspection(await self.send(self.calls.introspect(token)))

    async def revoke_token(self, token: str) -> None:
        """Ends an access token for this server (RFC 7009). A token that means nothing is as good as revoked."""
        check_status(await self.send(self.calls.revoke(token)))

    async def get_server_metadata(self) -> ServerMetadata:
        """The metadata of the authorization server (RFC 8414)."""
        return read_server_metadata(await self.send(self.calls.server_metadata()), self.auth_server)

    async def exchange_token(
        self,
        subject_token: str,
        *,
        audience: str | Sequence[str] | None = None,
        resource: str | Sequence[str] | None = None,
        scope: str | Sequence[str] | None = None,
    ) -> TokenExchangeResult:
        """Exchanges a caller's access token for one that another server accepts (RFC 8693)."""
        return read_exchange(await self.send(self.calls.exchange(subject_token, audience, resource, scope)))

    async def send(self, request: httpx.Request, *, within: float = TIMEOUT) -> httpx.Response:
        """Sends a request; ``within`` is in seconds. Raises ``TemporarilyUnavailableError`` where nothing came back."""
        request.extensions["timeout"] = httpx.Timeout(within).as_dict()
        try:
            return await _within(within, self._http.send(request))
        except (httpx.HTTPError, OSError, asyncio.TimeoutError) as error:
            raise _unreachable(error) from error

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


class SyncAuthAgentClient:
    """``AuthAgentClient`` for code that does not await. May be used from several threads; close it, or use ``with``."""

    def __init__(
        self,
        *,
        server_id: str,
        api_key: str,
        auth_server: str = DEFAULT_AUTH_SERVER,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        check_credentials(server_id, api_key, auth_server)
        self.auth_server = auth_server
        self._calls = ApiCalls(server_id, api_key, auth_server)
        self._http = httpx.Client(timeout=TIMEOUT, transport=transport, verify=_tls_context())

    def introspect_token(self, token: str) -> IntrospectionResult:
        """Asks whether a token for this server is active, and what it says (RFC 7662). Nothing is cached."""
        return read_introspection(self._send(self._calls.introspect(token)))

    def revoke_token(self, token: str) -> None:
        """Ends an access token for this server (RFC 7009). A token that means nothing is as good as revoked."""
        check_status(self._send(self._calls.revoke(token)))

    def get_server_metadata(self) -> ServerMetadata:
        """The metadata of the authorization server (RFC 8414)."""
        return read_server_metadata(self._send(self._calls.server_metadata()), self.auth_server)

    def exchange_token(
        self,
        subject_token: str,
        *,
        audience: str | Sequence[str] | None = None,
        resource: str | Sequence[str] | None = None,
        scope: str | Sequence[str] | None = None,
    ) -> TokenExchangeResult:
        """Exchanges a caller's access token for one that another server accepts (RFC 8693)."""
        return read_exchange(self._send(self._calls.exchange(subject_token, audience, resource, scope)))

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _send(self, request: httpx.Request) -> httpx.Response:
        request.extensions["timeout"] = httpx.Timeout(TIMEOUT).as_dict()
        try:
            return self._http.send(request)
        except (httpx.HTTPError, OSError) as error:
            raise _unreachable(error) from error


async def _within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """Gives work so many seconds. Raises ``asyncio.TimeoutError`` after that.

    Before Python 3.12, ``asyncio.wait_for`` swallows a cancellation that comes together with the result, and what was
    to end with its event loop would go on.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
        if task.done():
            return task.result()
        raise asyncio.TimeoutError(f"no answer within {seconds:g} s")
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})


def _unreachable(error: BaseException) -> TemporarilyUnavailableError:
    reason = str(error).rstrip(".") or type(error).__name__
    return TemporarilyUnavailableError(f"The authorization server cannot be reached: {reason}.")
