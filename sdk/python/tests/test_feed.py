"""Denials get around at once, and the feed comes back by itself."""

from __future__ import annotations

import asyncio
import logging
from itertools import pairwise
from typing import Any

import httpx
import pytest

from auth_agent_mcp.http_request import Message, Receive, Scope, Send
from auth_agent_mcp.protection import Protection
from fake_server import FakeAuthServer, protect
from support import FakeClock, http_scope, request, settle

pytestmark = pytest.mark.anyio


async def ok(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


class Trial:
    """A protected application, its authorization server, and a clock."""

    def __init__(self, **options: Any) -> None:
        self.clock, self.server = FakeClock(), FakeAuthServer()
        self.app: Protection = protect(ok, self.server, self.clock, **options)

    async def status(self, token: str) -> int:
        """The status of the answer to a request with this token."""
        return (await request(self.app, headers=[("Authorization", f"Bearer {token}")])).status


@pytest.mark.parametrize("validation", ["introspect", "local"])
async def test_a_revoked_token_is_refused_as_soon_as_the_news_is_here(validation: str) -> None:
    trial = Trial(validation=validation)
    token = trial.server.issue(jti="token_x")
    assert [await trial.status(token) for _ in range(3)] == [200, 200, 200]
    await settle()
    del trial.server.active[token]
    await trial.server.deny("token", "token_x")
    assert await trial.status(token) == 401


@pytest.mark.parametrize("validation", ["introspect", "local"])
async def test_a_token_that_is_revoked_while_the_body_comes_is_refused(validation: str) -> None:
    trial = Trial(validation=validation, tool_scopes={"*": []})
    token = trial.server.issue(jti="token_x")

    async def receive() -> Message:
        await trial.clock.advance(2)
        del trial.server.active[token]
        await trial.server.deny("token", "token_x")
        return {"type": "http.request", "body": b'{"jsonrpc":"2.0","id":1,"method":"ping"}'}

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await trial.app(http_scope("POST", "/mcp", [("Authorization", f"Bearer {token}")]), receive, send)
    assert sent[0]["status"] == 401


async def test_an_answer_that_was_under_way_when_the_denial_came_is_not_kept_or_shared() -> None:
    trial = Trial()
    token, other = trial.server.issue(), trial.server.issue()
    assert await trial.status(other) == 200
    await settle()
    trial.server.gate = asyncio.Event()
    before = asyncio.ensure_future(trial.status(token))
    await settle()
    del trial.server.active[token]
    await trial.server.deny("token", "something")
    after = asyncio.ensure_future(trial.status(token))
    await settle()
    trial.server.gate.set()
    # The first was asked before the token ended; who asks later must not get its answer.
    assert [await before, await after] == [200, 401]
    assert await trial.status(token) == 401


async def test_requests_with_one_token_at_the_same_time_share_one_question() -> None:
    trial = Trial()
    token = trial.server.issue()
    trial.server.gate = asyncio.Event()
    asking = [asyncio.ensure_future(trial.status(token)) for _ in range(20)]
    await settle()
    asking[0].cancel()
    await settle()
    trial.server.gate.set()
    results = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert results[1:] == [200] * 19
    assert trial.server.asked["/introspect"] == 1


async def test_local_validation_asks_for_no_token() -> None:
    trial = Trial(validation="local")
    assert [await trial.status(trial.server.issue()) for _ in range(10)] == [200] * 10
    assert trial.server.asked["/introspect"] == 0
    assert trial.server.asked["/.well-known/jwks.json"] == 1


async def test_requests_at_a_cold_start_wait_for_the_snapshot_together() -> None:
    trial = Trial(validation="local")
    token = trial.server.issue(sub="user_x")
    trial.server.denials.append({"kind": "user", "subject": "user_x", "expires_at": trial.clock.now + 60})
    assert await asyncio.gather(*(trial.status(token) for _ in range(5))) == [401] * 5
    assert trial.server.asked["/.well-known/jwks.json"] == 1


async def test_the_feed_holds_one_request_and_renews_it() -> None:
    trial = Trial(validation="local")
    token = trial.server.issue()
    assert await trial.status(token) == 200
    await settle()
    assert trial.server.open_requests == 1
    for _ in range(6):
        await trial.clock.advance(10)
        await trial.server.heartbeat()
        await trial.clock.advance(0.1)
    assert trial.server.open_requests == 1
    assert await trial.status(token) == 200
    assert trial.server.asked["/introspect"] == 0
    assert [asked.url.params.get("cursor") for asked in trial.server.requests if asked.url.path == "/revocations"] == [
        None,
        *["0"] * 7,
    ]


async def test_an_outage_serves_what_is_known_then_introspects_then_recovers() -> None:
    trial = Trial(validation="local")
    token = trial.server.issue()
    assert await trial.status(token) == 200
    trial.server.is_down = True
    await trial.server.heartbeat()
    await trial.clock.advance(29)
    assert await trial.status(token) == 200
    await trial.clock.advance(2)
    assert await trial.status(token) == 503
    trial.server.is_down, trial.server.is_feed_down = False, True
    assert await trial.status(token) == 200
    assert trial.server.asked["/introspect"] == 2
    trial.server.is_feed_down = False
    await trial.server.deny("user", "user_1", cutoff=trial.clock.now)
    await trial.clock.advance(3)
    assert await trial.status(token) == 401


async def test_an_outage_in_introspect_mode_is_503_and_never_200() -> None:
    trial = Trial()
    token = trial.server.issue()
    assert await trial.status(token) == 200
    await settle()
    trial.server.is_down = True
    await trial.server.heartbeat()
    await trial.clock.advance(0.1)
    assert await trial.status(token) == 503
    trial.server.is_down = False
    await trial.clock.advance(3)
    assert [await trial.status(token) for _ in range(2)] == [200, 200]


async def test_a_feed_that_hangs_keeps_no_answer_alive() -> None:
    trial = Trial()
    token = trial.server.issue()
    assert [await trial.status(token) for _ in range(3)] == [200] * 3
    assert trial.server.asked["/introspect"] <= 2
    asked = trial.server.asked["/introspect"]
    await trial.clock.advance(15)
    assert [await trial.status(token) for _ in range(3)] == [200] * 3
    assert trial.server.asked["/introspect"] == asked + 3


async def test_a_failing_feed_is_asked_ever_less_often_but_at_least_every_2_and_a_half_seconds() -> None:
    trial = Trial()
    trial.server.is_feed_down = True
    await trial.status(trial.server.issue())
    await settle()
    asked: list[float] = []
    for _ in range(200):
        before = trial.server.asked["/revocations"]
        await trial.clock.advance(0.05)
        if trial.server.asked["/revocations"] > before:
            asked.append(trial.clock.now)
    pauses = [later - earlier for earlier, later in pairwise(asked)]
    assert 5 <= len(asked) <= 12
    assert max(pauses) <= 2.6


async def test_whatever_goes_wrong_the_feed_comes_back(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(FakeAuthServer):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if self.is_down and request.url.path == "/revocations":
                raise RuntimeError("nobody expects this")
            return await super().handle_async_request(request)

    trial = Trial()
    trial.server = Broken()
    trial.app = protect(ok, trial.server, trial.clock)
    assert await trial.status(trial.server.issue()) == 200
    await settle()
    trial.server.is_down = True
    await trial.server.heartbeat()
    await trial.clock.advance(1)
    assert "nobody expects this" in caplog.text
    trial.server.is_down = False
    await trial.clock.advance(3)
    await trial.clock.advance(0.1)
    assert trial.server.open_requests == 1


async def test_a_refused_key_is_said_in_the_log_without_the_key(caplog: pytest.LogCaptureFixture) -> None:
    def refuse(asked: httpx.Request) -> httpx.Response:
        return httpx.Response(401, json={"error": "invalid_client"})

    app = protect(ok, httpx.MockTransport(refuse), api_key="sk_very_secret")
    with caplog.at_level(logging.INFO, "auth_agent_mcp"):
        assert (await request(app, headers=[("Authorization", "Bearer x")])).status == 503
        await settle()
    assert any("API key" in record.message for record in caplog.records if record.levelno == logging.ERROR)
    assert "sk_very_secret" not in caplog.text
