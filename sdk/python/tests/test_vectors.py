"""Both SDKs run every case of sdk/test_vectors.json; sdk/test_vectors.md says what a case means."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from auth_agent_mcp.http_request import Message, Receive, Scope, Send
from auth_agent_mcp.options import check_options
from auth_agent_mcp.protection import Protection
from auth_agent_mcp.request_context import current_auth
from auth_agent_mcp.verifier import Verifier
from support import FakeClock, Response, request, settle

VECTORS = json.loads((Path(__file__).parents[2] / "test_vectors.json").read_text("utf-8"))
DESCRIPTION = re.compile(r'error_description="[\x20-\x21\x23-\x5B\x5D-\x7E]+"')


class FakeServer:
    """The authorization server of the vectors."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.state = dict(VECTORS["authorization_server"])
        self.asked: Counter[str] = Counter()
        self._options = options
        server_id = options.get("server_id", "")
        self._members = {
            ("GET", f"/.well-known/oauth-protected-resource/{server_id}"): "resource_metadata",
            ("GET", "/.well-known/jwks.json"): "jwks",
            ("POST", "/introspect"): "introspection",
            ("GET", "/revocations"): "revocations",
        }

    def __call__(self, asked: httpx.Request) -> httpx.Response:
        base = self._options.get("auth_server", "http://localhost:8787")
        url = str(asked.url)
        assert url.startswith(base), url
        parts = urlsplit(url[len(base) :])
        member = self._members[asked.method, parts.path]
        self.asked[member] += 1
        is_authenticated = asked.headers.get("authorization") == f"Bearer {self._options['api_key']}"
        if member in ("introspection", "revocations") and not is_authenticated:
            return httpx.Response(401, json={})
        reply = self.state[member]
        if isinstance(reply, dict) and "status" not in reply:
            query = asked.content.decode() if member == "introspection" else parts.query
            name = "token" if member == "introspection" else "cursor"
            key = parse_qs(query, keep_blank_values=True).get(name, [""])[0]
            reply = reply.get(key, {"status": 404, "body": {}})
        return send_reply(reply, asked)


def send_reply(reply: Any, asked: httpx.Request) -> httpx.Response:
    if reply == "unreachable":
        raise httpx.ConnectError("refused", request=asked)
    return httpx.Response(reply["status"], headers=answer_headers(reply), content=answer_body(reply))


def answer_headers(answer: dict[str, Any]) -> list[tuple[str, str]]:
    headers = answer.get("headers", {})
    pairs = [tuple(pair) for pair in headers] if isinstance(headers, list) else list(headers.items())
    if not any(name.lower() == "content-type" for name, _ in pairs):
        pairs.append(("content-type", "application/json"))
    return pairs


def answer_body(answer: dict[str, Any]) -> bytes:
    body = answer.get("body", "")
    return (body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, separators=(",", ":"))).encode()


class FakeApplication:
    """Notes what it sees, and gives the answer of the case."""

    def __init__(self, answer: dict[str, Any] | None) -> None:
        self._answer = answer or {"status": 200, "body": {"ok": True}}
        self.scope: Scope | None = None
        self.body = b""
        self.auth: dict[str, Any] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope, self.body, self.auth = scope, b"", describe_auth(scope)
        more = True
        while more:
            message: Message = await receive()
            self.body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = [(name.encode(), value.encode("latin-1")) for name, value in answer_headers(self._answer)]
        await send({"type": "http.response.start", "status": self._answer["status"], "headers": headers})
        await send({"type": "http.response.body", "body": answer_body(self._answer)})


def describe_auth(scope: Scope) -> dict[str, Any] | None:
    names = ("subject", "user_email", "client_id", "scopes", "audience")
    state = scope["state"]
    auth = current_auth()
    if "subject" not in state:
        assert auth is None
        return None
    assert auth is not None
    assert all(state[name] == getattr(auth, name) for name in (*names, "token", "claims"))
    return {name: state[name] for name in names}


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_case(case: dict[str, Any]) -> None:
    if case.get("refused"):
        with pytest.raises(ValueError, match=r"\w") as refused:
            check_options(**{"server_id": None, "api_key": None, **case["options"]})
        assert (
            case["options"].get("api_key") is None
            or case["options"]["api_key"] not in str(refused.value)
            or (case["options"]["api_key"] == "")
        )
    else:
        asyncio.run(run_steps(case))


async def run_steps(case: dict[str, Any]) -> None:
    server, clock, application = FakeServer(case["options"]), FakeClock(), FakeApplication(case.get("application"))
    options = check_options(**case["options"])
    verifier = Verifier(options, clock=clock, transport=httpx.MockTransport(server), on_demand=True)
    app = Protection(application, options, verifier)
    for number, step in enumerate(case["steps"]):
        clock.now = step["now"]
        server.state.update(step.get("authorization_server", {}))
        server.asked.clear()
        application.scope = None
        asked = step["request"]
        response = await request(app, asked["method"], asked["path"], request_headers(asked), [request_body(asked)])
        await settle()
        try:
            compare(step["expect"], response, application, server)
        except AssertionError as error:
            raise AssertionError(
                f"step {number}: {error}\n{response.status} {response.raw_headers} {response.body!r}"
            ) from error
    await verifier.aclose()


def request_body(asked: dict[str, Any]) -> bytes:
    if "body_base64" in asked:
        return base64.b64decode(asked["body_base64"])
    return str(asked.get("body", "")).encode()


def request_headers(asked: dict[str, Any]) -> list[tuple[str, str]]:
    headers = [(name, value) for name, value in asked.get("headers", [])]
    if "body" in asked or "body_base64" in asked:
        headers.append(("content-length", str(len(request_body(asked)))))
    return headers


def compare(expect: dict[str, Any], response: Response, application: FakeApplication, server: FakeServer) -> None:
    assert response.status == expect["status"]
    if "reached" in expect:
        assert (application.scope is not None) == expect["reached"]
    for name, value in expect.get("headers", {}).items():
        compare_header(name, value, response.header(name))
    if "body" in expect:
        assert holds(response.json(), expect["body"]), response.body
        if isinstance(expect["body"], dict) and "error" in expect["body"] and "jsonrpc" not in expect["body"]:
            assert response.json()["error_description"]
    if "body_text" in expect:
        assert response.body.decode() == expect["body_text"]
    if "events" in expect:
        assert holds(parse_events(response.body.decode()), expect["events"]), response.body
    if "auth" in expect:
        assert application.auth == expect["auth"]
    if "received" in expect:
        compare_received(expect["received"], application)
    for member, count in expect.get("asked", {}).items():
        assert server.asked[member] == count, f"{member}: {server.asked[member]} times, not {count}"


def compare_header(name: str, expected: str | None, value: str | None) -> None:
    if name.lower() == "www-authenticate" and value is not None:
        value = DESCRIPTION.sub('error_description="*"', value)
    assert value == expected, f"{name}: {value!r}, not {expected!r}"


def compare_received(expect: dict[str, Any], application: FakeApplication) -> None:
    assert application.scope is not None
    received = Response(raw_headers=application.scope["headers"])
    for name, value in expect.get("headers", {}).items():
        assert received.header(name) == value, f"{name}: {received.header(name)!r}, not {value!r}"
    if "body" in expect:
        assert application.body.decode() == expect["body"]


def holds(value: Any, expected: Any) -> bool:
    if isinstance(expected, dict):
        return isinstance(value, dict) and all(
            name in value and holds(value[name], expected[name]) for name in expected
        )
    if isinstance(expected, list):
        return isinstance(value, list) and len(value) == len(expected) and all(map(holds, value, expected))
    return type(value) is type(expected) and bool(value == expected)


def parse_events(text: str) -> list[dict[str, Any]]:
    events = []
    for block in re.split(r"(?:\r\n|\n|\r(?!\n)){2,}", text):
        event: dict[str, Any] = {}
        for line in re.split(r"\r\n|\n|\r", block):
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "data":
                event["data"] = event["data"] + "\n" + value if "data" in event else value
            elif name in ("event", "id"):
                event[name] = value
        if "data" in event:
            events.append({**event, "data": json.loads(event["data"])})
    return events
