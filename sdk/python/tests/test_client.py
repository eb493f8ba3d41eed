"""Both clients ask the same, and tell the same apart."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from auth_agent_mcp import AuthAgentClient, OAuthError, SyncAuthAgentClient, TemporarilyUnavailableError

KEYS: dict[str, Any] = {"server_id": "srv_test", "api_key": "sk_test", "auth_server": "https://auth.example/tenant"}


class BlockingClient:
    """The asynchronous client, called as the other one is."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response]) -> None:
        self._transport = httpx.MockTransport(answer)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def call(*args: Any, **options: Any) -> Any:
            async with AuthAgentClient(**KEYS, transport=self._transport) as client:
                return await getattr(client, name)(*args, **options)

        return lambda *args, **options: asyncio.run(call(*args, **options))


def synchronous(answer: Callable[[httpx.Request], httpx.Response]) -> SyncAuthAgentClient:
    return SyncAuthAgentClient(**KEYS, transport=httpx.MockTransport(answer))


@pytest.fixture(params=[BlockingClient, synchronous], ids=["async", "sync"])
def make(request: pytest.FixtureRequest) -> Any:
    return request.param


class Recorder:
    """Gives one answer, and keeps what was asked."""

    def __init__(self, status: int = 200, json: Any = None) -> None:
        self.asked: list[httpx.Request] = []
        self._status, self._json = status, json

    def __call__(self, asked: httpx.Request) -> httpx.Response:
        self.asked.append(asked)
        return httpx.Response(self._status, json=self._json)

    @property
    def form(self) -> dict[str, list[str]]:
        return parse_qs(self.asked[-1].content.decode())


def test_introspection(make: Any) -> None:
    answer = Recorder(json={"active": True, "sub": "user_1"})
    assert make(answer).introspect_token("token") == {"active": True, "sub": "user_1"}
    assert str(answer.asked[0].url) == "https://auth.example/tenant/introspect"
    assert answer.asked[0].headers["authorization"] == "Bearer sk_test"
    assert answer.form == {"token": ["token"], "token_type_hint": ["access_token"]}


@pytest.mark.parametrize("active", ["true", 1, None])
def test_what_is_not_said_to_be_active_is_not(make: Any, active: object) -> None:
    assert make(Recorder(json={"active": active})).introspect_token("token")["active"] is False


def test_revocation(make: Any) -> None:
    answer = Recorder()
    assert make(answer).revoke_token("token") is None
    assert answer.form["token"] == ["token"]


def test_metadata_is_between_host_and_path_of_the_issuer(make: Any) -> None:
    answer = Recorder(json={"issuer": "https://auth.example/tenant", "token_endpoint": "https://auth.example/token"})
    assert make(answer).get_server_metadata()["token_endpoint"] == "https://auth.example/token"
    assert str(answer.asked[0].url) == "https://auth.example/.well-known/oauth-authorization-server/tenant"


def test_metadata_of_another_issuer_is_refused(make: Any) -> None:
    with pytest.raises(OAuthError) as refused:
        make(Recorder(json={"issuer": "https://auth.example/tenant/"})).get_server_metadata()
    assert refused.value.code == "issuer_mismatch"


def test_token_exchange(make: Any) -> None:
    answer = Recorder(json={"access_token": "other", "token_type": "Bearer", "expires_in": 60})
    result = make(answer).exchange_token("mine", resource="https://api.example", scope=["a", "b"])
    assert result["access_token"] == "other"
    assert base64.b64decode(answer.asked[0].headers["authorization"].removeprefix("Basic ")) == b"srv_test:sk_test"
    assert answer.form == {
        "grant_type": ["urn:ietf:params:oauth:grant-type:token-exchange"],
        "subject_token": ["mine"],
        "subject_token_type": ["urn:ietf:params:oauth:token-type:access_token"],
        "resource": ["https://api.example"],
        "scope": ["a b"],
    }


def test_an_error_keeps_the_code_of_the_rfc(make: Any) -> None:
    answer = Recorder(400, {"error": "invalid_target", "error_description": "No such resource."})
    with pytest.raises(OAuthError, match=r"No such resource\.") as refused:
        make(answer).exchange_token("mine", audience="x")
    assert (refused.value.code, refused.value.status) == ("invalid_target", 400)


@pytest.mark.parametrize("status", [404, 429, 500, 302])
def test_an_answer_that_is_none_says_to_try_again(make: Any, status: int) -> None:
    with pytest.raises(TemporarilyUnavailableError) as refused:
        make(Recorder(status)).introspect_token("token")
    assert refused.value.code == "temporarily_unavailable"


def test_no_answer_says_to_try_again(make: Any) -> None:
    def refuse(asked: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=asked)

    with pytest.raises(TemporarilyUnavailableError, match="cannot be reached"):
        make(refuse).revoke_token("token")


def test_a_server_that_trickles_is_given_up() -> None:
    class Trickle(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await asyncio.Event().wait()
            raise AssertionError

    async def ask() -> None:
        async with AuthAgentClient(**KEYS, transport=Trickle()) as client:
            await client.send(client.calls.jwks(), within=0.01)

    with pytest.raises(TemporarilyUnavailableError):
        asyncio.run(ask())


@pytest.mark.parametrize("steps", range(12))
def test_a_cancellation_that_comes_with_the_answer_is_not_lost(steps: int) -> None:
    async def ask() -> None:
        go_on = asyncio.Event()

        async def answer(asked: httpx.Request) -> httpx.Response:
            await go_on.wait()
            return httpx.Response(200, json={"active": True})

        async with AuthAgentClient(**KEYS, transport=httpx.MockTransport(answer)) as client:
            asking = asyncio.ensure_future(client.introspect_token("token"))
            await asyncio.sleep(0.01)
            go_on.set()
            for _ in range(steps):
                await asyncio.sleep(0)
            was_in_time = asking.cancel()
            await asyncio.wait({asking})
            assert asking.cancelled() == was_in_time

    asyncio.run(ask())


def test_a_client_is_refused_options_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match="api_key"):
        AuthAgentClient(server_id="srv_test", api_key="")
    with pytest.raises(ValueError, match="auth_server"):
        SyncAuthAgentClient(server_id="srv_test", api_key="sk_test", auth_server="http://auth.example")
