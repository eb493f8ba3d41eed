"""A token that was seen before takes a shorter way, to the same end as any other."""

from __future__ import annotations

from typing import Any

import pytest

from auth_agent_mcp.http_request import ASGIApp, Receive, Scope, Send
from auth_agent_mcp.protection import Protection
from fake_server import FakeAuthServer, protect
from keys import NOW
from support import FakeClock, Response, request

pytestmark = pytest.mark.anyio

MODES = ["local", "introspect"]


async def tell_who(scope: Scope, receive: Receive, send: Send) -> None:
    who = scope.get("state", {}).get("subject", "nobody")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": who.encode()})


class Seen:
    """A token that was let through twice."""

    def __init__(self, validation: str, *, app: ASGIApp = tell_who, **options: Any) -> None:
        self.clock = FakeClock(NOW)
        self.server = FakeAuthServer()
        self.app: Protection = protect(app, self.server, self.clock, validation=validation, **options)
        self.token = self.server.issue(scope="files:read")

    async def ask(
        self, *more: tuple[str, str], method: str = "POST", target: str = "/mcp", scheme: str = "Bearer"
    ) -> Response:
        headers = [("Authorization", f"{scheme} {self.token}"), *more]
        return await request(self.app, method, target, headers=headers)


@pytest.fixture
async def seen(request: pytest.FixtureRequest) -> Seen:
    seen = Seen(request.param)
    for _ in range(2):
        assert (await seen.ask()).body == b"user_1"
    return seen


@pytest.mark.parametrize("seen", MODES, indirect=True)
async def test_it_asks_nobody(seen: Seen) -> None:
    before = dict(seen.server.asked)
    for _ in range(10):
        assert (await seen.ask()).status == 200
    assert dict(seen.server.asked) == before


@pytest.mark.parametrize("seen", MODES, indirect=True)
@pytest.mark.parametrize(("kind", "subject"), [("user", "user_1"), ("client", "client_1")])
async def test_a_revocation_ends_it(seen: Seen, kind: str, subject: str) -> None:
    seen.server.active.clear()
    await seen.server.deny(kind, subject, cutoff=NOW + 10)
    assert (await seen.ask()).status == 401


@pytest.mark.parametrize("seen", MODES, indirect=True)
async def test_its_expiry_ends_it(seen: Seen) -> None:
    seen.clock.now += 3601
    assert (await seen.ask()).status in (401, 503)


@pytest.mark.parametrize("seen", MODES, indirect=True)
async def test_a_closer_look_is_taken_where_it_is_needed(seen: Seen) -> None:
    another = ("Authorization", f"Bearer {seen.token}")
    assert (await seen.ask(another)).status == 400
    assert (await seen.ask(target="/mcp?access_token=x")).status == 400
    assert (await seen.ask(target="/mcp?x=1")).body == b"user_1"
    assert (await seen.ask(scheme="DPoP")).status == 401
    assert (await seen.ask(scheme="Bearer  ")).body == b"user_1"
    assert (await seen.ask(scheme="bearer")).body == b"user_1"
    assert (await seen.ask(scheme="Basic")).status == 401
    assert (await seen.ask(("Origin", "https://app.example"))).header("access-control-allow-origin") == "*"
    metadata = await seen.ask(method="GET", target="/.well-known/oauth-protected-resource")
    assert metadata.json()["resource"] == "https://mcp.example/mcp"
    preflight = (("Origin", "https://app.example"), ("Access-Control-Request-Method", "POST"))
    assert (await seen.ask(*preflight, method="OPTIONS")).status == 204


async def test_a_scope_that_is_missing_is_asked_for_every_time() -> None:
    seen = Seen("local", required_scopes=["files:write"])
    for _ in range(3):
        answer = await seen.ask()
        assert answer.status == 403
        assert 'scope="files:write"' in (answer.header("www-authenticate") or "")


async def test_nobody_asks_on_a_public_path() -> None:
    seen = Seen("local", public_paths=["/health"])
    assert (await seen.ask()).body == b"user_1"
    assert (await seen.ask(target="/health")).body == b"nobody"


async def test_it_opens_no_session_of_another() -> None:
    async def open_session(_: Scope, __: Receive, send: Send) -> None:
        headers = [(b"Mcp-Session-Id", b"session-1")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    seen = Seen("local", app=open_session)
    for _ in range(2):
        assert (await seen.ask()).status == 200
    in_session = ("Mcp-Session-Id", "session-1")
    assert (await seen.ask(in_session)).status == 200
    seen.token = seen.server.issue(scope="files:read", sub="user_2")
    # Nobody opens a session with this one: whether the token was seen or not, the session is another's.
    assert (await seen.ask(in_session)).status == 404
    assert (await seen.ask(("Origin", "null"), in_session)).status == 404


async def test_silence_of_the_feed_ends_it() -> None:
    seen = Seen("local")
    assert (await seen.ask()).status == 200
    seen.server.is_down = True
    await seen.server.heartbeat()
    await seen.clock.advance(31)
    assert (await seen.ask()).status == 503
