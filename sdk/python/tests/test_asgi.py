"""The middleware is invisible to the application: streams, bodies, disconnects, WebSockets, lifespans."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import pytest

from auth_agent_mcp import AuthAgentMiddleware, current_auth
from auth_agent_mcp.http_request import Message, Receive, Scope, Send
from fake_server import FakeAuthServer, protect
from support import http_scope, request, settle

pytestmark = pytest.mark.anyio


async def ok(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


def bearer(token: str) -> list[tuple[str, str]]:
    return [("Authorization", f"Bearer {token}")]


async def test_events_of_a_stream_go_through_one_by_one() -> None:
    sent: list[Message] = []
    go_on = asyncio.Event()

    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
        await go_on.wait()
        await send({"type": "http.response.body", "body": b"data: 2\n\n"})

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    server = FakeAuthServer()
    app = protect(stream, server, tool_scopes={"*": []}, filter_tools=True)
    scope = http_scope("GET", "/mcp", [*bearer(server.issue()), ("Origin", "https://app.example")])
    serving = asyncio.ensure_future(app(scope, receive, send))
    await settle()
    assert [message.get("body") for message in sent] == [None, b"data: 1\n\n"]
    go_on.set()
    await serving
    assert [message.get("body") for message in sent] == [None, b"data: 1\n\n", b"data: 2\n\n"]


@pytest.mark.parametrize("options", [{}, {"tool_scopes": {"*": []}}])
async def test_a_body_of_10_mb_arrives_whole(options: dict[str, Any]) -> None:
    seen = hashlib.sha256()

    async def digest(scope: Scope, receive: Receive, send: Send) -> None:
        more = True
        while more:
            message = await receive()
            seen.update(message["body"])
            more = message["more_body"]
        await ok(scope, receive, send)

    server = FakeAuthServer()
    body = b'{"jsonrpc":"2.0","method":"ping","id":1,"params":"' + b"x" * 10_000_000 + b'"}'
    chunks = [body[start : start + 65_536] for start in range(0, len(body), 65_536)]
    response = await request(protect(digest, server, **options), "POST", "/mcp", bearer(server.issue()), chunks)
    assert response.status == 200
    assert seen.digest() == hashlib.sha256(body).digest()


async def test_without_a_table_the_body_is_left_where_it_is() -> None:
    received = 0

    async def receive() -> Message:
        nonlocal received
        received += 1
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        pass

    server = FakeAuthServer()
    await protect(ok, server)(http_scope("POST", "/mcp", bearer(server.issue())), receive, send)
    assert received == 0


async def test_the_application_learns_that_the_client_left_after_the_body_was_read() -> None:
    seen: list[str] = []

    async def wait_for_the_end(scope: Scope, receive: Receive, send: Send) -> None:
        for _ in range(3):
            seen.append((await receive())["type"])

    complete: Message = {"type": "http.request", "body": b"{}"}
    messages = iter([complete, {"type": "http.disconnect"}, {"type": "http.disconnect"}])

    async def receive() -> Message:
        return next(messages)

    async def send(message: Message) -> None:
        pass

    server = FakeAuthServer()
    app = protect(wait_for_the_end, server, tool_scopes={"*": []})
    await app(http_scope("POST", "/mcp", bearer(server.issue())), receive, send)
    assert seen == ["http.request", "http.disconnect", "http.disconnect"]


async def test_a_client_that_leaves_while_it_sends_never_reaches_the_application() -> None:
    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        raise AssertionError("nobody is there to read it")

    async def never(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("the request is not complete")

    server = FakeAuthServer()
    app = protect(never, server, tool_scopes={"*": []})
    await app(http_scope("POST", "/mcp", bearer(server.issue())), receive, send)


async def test_an_error_of_the_application_stays_its_own() -> None:
    async def fail(scope: Scope, receive: Receive, send: Send) -> None:
        raise ZeroDivisionError

    server = FakeAuthServer()
    with pytest.raises(ZeroDivisionError):
        await request(protect(fail, server), headers=bearer(server.issue()))
    assert current_auth() is None


async def test_each_of_two_requests_at_once_has_its_own_auth() -> None:
    seen: dict[str, str] = {}
    both = asyncio.Event()

    async def note(scope: Scope, receive: Receive, send: Send) -> None:
        if len(seen) == 1:
            both.set()
        seen[scope["state"]["subject"]] = ""
        await both.wait()
        auth = current_auth()
        assert auth is not None
        seen[scope["state"]["subject"]] = auth.subject
        await ok(scope, receive, send)

    server = FakeAuthServer()
    app = protect(note, server)
    await asyncio.gather(*(request(app, headers=bearer(server.issue(sub=sub))) for sub in ("ada", "bob")))
    assert seen == {"ada": "ada", "bob": "bob"}


async def test_what_an_application_does_to_the_claims_harms_nobody_else() -> None:
    async def spoil(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["state"]["claims"]["sub"] == "user_1"
        assert scope["state"]["scopes"] == ["files:read"]
        scope["state"]["claims"].clear()
        scope["state"]["scopes"].append("admin")
        await ok(scope, receive, send)

    server = FakeAuthServer()
    app, token = protect(spoil, server), server.issue()
    for _ in range(2):
        assert (await request(app, headers=bearer(token))).status == 200


class WebSocket:
    """A handshake, and what is answered."""

    def __init__(self, *, headers: list[tuple[str, str]], can_answer: bool = False, query: str = "") -> None:
        self.scope = http_scope("GET", f"/ws?{query}", headers)
        self.scope.update(type="websocket", extensions={"websocket.http.response": {}} if can_answer else {})
        del self.scope["method"]
        self.sent: list[Message] = []

    async def receive(self) -> Message:
        return {"type": "websocket.connect"}

    async def send(self, message: Message) -> None:
        self.sent.append(message)


async def accept(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept", "subprotocol": scope["state"]["subject"]})


async def test_a_websocket_with_a_token_goes_through() -> None:
    server = FakeAuthServer()
    socket = WebSocket(headers=bearer(server.issue()))
    await protect(accept, server)(socket.scope, socket.receive, socket.send)
    assert socket.sent == [{"type": "websocket.accept", "subprotocol": "user_1"}]


async def test_a_websocket_without_a_token_is_closed() -> None:
    socket = WebSocket(headers=[])
    await protect(accept, FakeAuthServer())(socket.scope, socket.receive, socket.send)
    assert socket.sent == [{"type": "websocket.close", "code": 1008, "reason": ""}]


@pytest.mark.parametrize(("query", "status"), [("", 401), ("access_token=x", 400)])
async def test_a_websocket_without_a_token_is_answered_where_that_is_possible(query: str, status: int) -> None:
    socket = WebSocket(headers=[], can_answer=True, query=query)
    await protect(accept, FakeAuthServer())(socket.scope, socket.receive, socket.send)
    start, body = socket.sent
    assert (start["type"], start["status"]) == ("websocket.http.response.start", status)
    assert b"www-authenticate" in dict(start["headers"])
    assert body["type"] == "websocket.http.response.body"


async def test_a_websocket_needs_the_required_scopes() -> None:
    server = FakeAuthServer()
    socket = WebSocket(headers=bearer(server.issue()), can_answer=True)
    await protect(accept, server, required_scopes=["files:write"])(socket.scope, socket.receive, socket.send)
    assert socket.sent[0]["status"] == 403


async def test_the_feed_starts_and_ends_with_the_application() -> None:
    server, tasks = FakeAuthServer(), asyncio.all_tasks()
    steps: list[Any] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await settle()
        steps.append(server.open_requests)
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        steps.append(server.open_requests)

    messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive() -> Message:
        return next(messages)

    async def send(message: Message) -> None:
        steps.append(message["type"])

    await protect(application, server)({"type": "lifespan", "state": {}}, receive, send)
    assert steps == ["lifespan.startup.complete", 1, "lifespan.shutdown.complete", 0]
    assert asyncio.all_tasks() == tasks


async def test_an_application_without_a_lifespan_says_so_itself() -> None:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        raise NotImplementedError("lifespan")

    async def nothing(*_: Any) -> Any:
        return {}

    with pytest.raises(NotImplementedError):
        await protect(application, FakeAuthServer())({"type": "lifespan"}, nothing, nothing)


async def test_an_unknown_scope_is_not_let_through() -> None:
    async def nothing(*_: Any) -> Any:
        return {}

    with pytest.raises(RuntimeError, match="other"):
        await protect(ok, FakeAuthServer())({"type": "other"}, nothing, nothing)


def test_each_event_loop_has_a_feed_of_its_own_and_none_is_left_behind() -> None:
    server = FakeAuthServer()
    app, token = protect(ok, server, validation="local"), server.issue()
    for _ in range(3):
        # Nobody says here that the application ends: asyncio.run cancels what is left.
        assert asyncio.run(request(app, headers=bearer(token))).status == 200
        assert server.open_requests == 0
    assert server.asked["/revocations"] == 6


def test_the_secret_is_nowhere_to_be_seen() -> None:
    app = AuthAgentMiddleware(ok, server_id="srv_test", api_key="sk_very_secret")
    assert "sk_very_secret" not in repr(vars(app))
    with pytest.raises(ValueError, match="auth_server") as refused:
        AuthAgentMiddleware(ok, server_id="srv_test", api_key="sk_very_secret", auth_server="http://a.example")
    assert "sk_very_secret" not in str(refused.value)
