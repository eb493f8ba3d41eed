"""What is remembered of tokens, keys and proofs, and for how long."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from auth_agent_mcp.bounded import BoundedDict
from auth_agent_mcp.dpop import ReplayCache
from auth_agent_mcp.errors import TemporarilyUnavailableError
from auth_agent_mcp.http_request import Receive, Scope, Send
from auth_agent_mcp.jwk import import_jwk
from auth_agent_mcp.jws import split_jws
from auth_agent_mcp.tool_table import ToolTable
from auth_agent_mcp.uri import normalize
from fake_server import FakeAuthServer, protect
from keys import NOW, SigningKey
from support import FakeClock, Response, request, settle

pytestmark = pytest.mark.anyio


async def ok(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


def test_a_bounded_dict_forgets_the_oldest() -> None:
    kept: BoundedDict[int, int] = BoundedDict(3)
    for number in range(5):
        kept.put(number, number)
    kept.put(2, 20)
    kept.put(5, 5)
    assert [kept.get(number) for number in range(6)] == [None, None, 20, None, 4, 5]
    assert len(kept) == 3


def test_a_full_replay_cache_refuses_rather_than_forgets() -> None:
    cache = ReplayCache(limit=2)
    assert cache.use(b"a", NOW + 60, NOW)
    assert cache.use(b"b", NOW + 90, NOW)
    with pytest.raises(TemporarilyUnavailableError):
        cache.use(b"c", NOW + 60, NOW)
    assert not cache.use(b"a", NOW + 60, NOW)
    # The first cannot be replayed any more, so that there is room.
    assert cache.use(b"c", NOW + 120, NOW + 61)
    assert not cache.use(b"b", NOW + 120, NOW + 61)


async def test_a_proof_serves_once_even_at_the_same_time() -> None:
    server, key = FakeAuthServer(), SigningKey("client")
    app = protect(ok, server, validation="local")
    token = server.issue(cnf={"jkt": key.thumbprint})
    headers = [("Authorization", f"DPoP {token}"), ("DPoP", key.proof(token))]
    answers = await asyncio.gather(*(request(app, headers=headers) for _ in range(10)))
    assert sorted(answer.status for answer in answers) == [200] + [401] * 9


async def test_a_new_key_is_found_once_for_many_requests() -> None:
    server, clock = FakeAuthServer(), FakeClock()
    app = protect(ok, server, clock, validation="local")

    async def ask(token: str) -> Response:
        return await request(app, headers=[("Authorization", f"Bearer {token}")])

    assert (await ask(server.issue())).status == 200
    server.key = SigningKey("key_2")
    server.keys.append(server.key.public_jwk)
    answers = await asyncio.gather(*(ask(server.issue()) for _ in range(20)))
    assert [answer.status for answer in answers] == [200] * 20
    made_up = await asyncio.gather(*(ask(SigningKey(f"made_up_{number}").access_token()) for number in range(5)))
    assert [answer.status for answer in made_up] == [401] * 5
    assert server.asked["/.well-known/jwks.json"] == 2


async def test_a_key_that_was_withdrawn_ends_the_tokens_that_it_signed() -> None:
    server, clock = FakeAuthServer(), FakeClock()
    app = protect(ok, server, clock, validation="local", max_staleness=1000)
    headers = [("Authorization", f"Bearer {server.issue()}")]
    assert (await request(app, headers=headers)).status == 200
    server.keys = [SigningKey("key_2").public_jwk]
    await clock.advance(301)
    # The first request after that still has the old keys, and fetches the new ones.
    assert (await request(app, headers=headers)).status == 200
    await settle()
    assert (await request(app, headers=headers)).status == 401


async def test_the_own_url_is_asked_for_once_by_many_requests_and_never_taken_from_host() -> None:
    server = FakeAuthServer()
    app = protect(ok, server, resource=None)
    headers = [("Authorization", f"Bearer {server.issue()}"), ("X-Forwarded-Host", "evil.example")]
    answers = await asyncio.gather(*(request(app, headers=headers) for _ in range(10)))
    assert [answer.status for answer in answers] == [200] * 10
    assert server.asked["/.well-known/oauth-protected-resource/srv_test"] == 1


async def test_garbage_never_gets_in_and_never_breaks_anything() -> None:
    server, chance = FakeAuthServer(), random.Random(1)
    app = protect(ok, server, validation="local")
    token = server.issue()
    for _ in range(2000):
        spoiled = list(token)
        for _ in range(chance.randint(1, 3)):
            position = chance.randrange(len(spoiled))
            spoiled[position] = chance.choice("ABCabc019-_.~=+/")
        text = "".join(spoiled)
        response = await request(app, headers=[("Authorization", f"Bearer {text}")])
        # The last character of a signature has bits that nobody reads; such a token is the same one.
        assert response.status in (400, 401) or split_jws(text.encode()) == split_jws(token.encode())


@pytest.mark.parametrize(
    "jwk",
    [
        {},
        {"kty": "oct", "k": "AA"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        {"kty": "EC"},
        {**SigningKey("key_1").public_jwk, "alg": ["ES256"]},
        {**SigningKey("key_1").public_jwk, "alg": {}},
    ],
)
def test_what_is_no_public_key_is_refused(jwk: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        import_jwk(jwk)


def test_a_name_cannot_make_a_pattern_slow() -> None:
    table = ToolTable({"*a" * 50 + "*b": ()})
    # With a regular expression this would take longer than anybody waits.
    assert table.find("a" * 1_000_000) is None


@pytest.mark.parametrize(
    ("uri", "same"),
    [
        ("HTTPS://MCP.example:443/a/./b/../c", "https://mcp.example/a/c"),
        ("https://mcp.example", "https://mcp.example/"),
        ("https://mcp.example/%7euser/%2f", "https://mcp.example/~user/%2F"),
        ("https://mcp.example/a/..", "https://mcp.example/"),
        ("https://mcp.example/../../a", "https://mcp.example/a"),
        ("http://[::1]:80/?q#f", "http://[::1]/"),
    ],
)
def test_equivalent_uris_are_equal(uri: str, same: str) -> None:
    assert normalize(uri) == same == normalize(same)


@pytest.mark.parametrize(
    "uri", ["", "/path", "mcp.example/path", "https:///x", "https://u@h/", "https://h:x/", "https://h/ü"]
)
def test_what_is_no_uri_equals_none(uri: str) -> None:
    assert normalize(uri) is None


async def test_the_operator_reads_of_another_audience_once_a_minute_and_the_client_every_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server, clock = FakeAuthServer(), FakeClock(NOW)
    app = protect(ok, server, clock, validation="local")
    token = server.issue(aud="https://other.example/mcp\n")
    for _ in range(3):
        response = await request(app, headers=[("Authorization", f"Bearer {token}")])
        assert "not for https://mcp.example/mcp" in response.json()["error_description"]
    lines = [record.getMessage() for record in caplog.records if "other.example" in record.getMessage()]
    assert len(lines) == 1
    assert "\n" not in lines[0]


async def test_the_operator_reads_of_a_scope_that_nobody_can_be_granted(caplog: pytest.LogCaptureFixture) -> None:
    server = FakeAuthServer()
    app = protect(ok, server, resource=None, required_scopes=["file:read"], tool_scopes={"*": ["files:read"]})
    await request(app)
    assert "srv_test has no scope file:read registered" in caplog.text
