"""With Starlette's own test client, which makes an event loop for each request, or one for a ``with``."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocket

from auth_agent_mcp import AuthAgentMiddleware
from fake_server import FakeAuthServer, protect

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


async def whoami(request: Request) -> JSONResponse:
    return JSONResponse({"subject": request.state.subject, "scopes": request.state.scopes})


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(socket.state.subject)
    await socket.close()


def make_app(server: FakeAuthServer, validation: str) -> Starlette:
    app = Starlette(routes=[Route("/mcp", whoami), WebSocketRoute("/ws", echo)])
    app.add_middleware(protect, server=server, validation=validation)  # type: ignore[arg-type]
    return app


@pytest.mark.parametrize("validation", ["introspect", "local"])
def test_with_and_without_a_lifespan(validation: str) -> None:
    server = FakeAuthServer()
    app, headers = make_app(server, validation), {"authorization": f"Bearer {server.issue()}"}
    client = TestClient(app)
    for _ in range(2):
        assert client.get("/mcp", headers=headers).json() == {"subject": "user_1", "scopes": ["files:read"]}
    with TestClient(app) as running:
        for _ in range(3):
            assert running.get("/mcp", headers=headers).status_code == 200
        assert running.get("/mcp").status_code == 401
    assert client.get("/mcp", headers=headers).status_code == 200
    assert server.open_requests == 0


def test_the_three_lines_make_an_application_that_starts_without_its_authorization_server() -> None:
    app = Starlette(routes=[Route("/mcp", whoami), Route("/health", lambda _: JSONResponse({}))])
    app.add_middleware(
        AuthAgentMiddleware,
        server_id="srv_abc123",
        api_key="sk_xyz789",
        auth_server="http://127.0.0.1:9",
        public_paths=["/health"],
    )
    with TestClient(app) as client:
        assert client.get("/health").status_code == 200
        response = client.get("/mcp", headers={"authorization": "Bearer x", "origin": "https://app.example"})
        assert (response.status_code, response.headers["retry-after"]) == (503, "5")
        assert response.headers["access-control-allow-origin"] == "*"


def test_a_websocket_opens_with_a_token_and_is_refused_without() -> None:
    server = FakeAuthServer()
    with TestClient(make_app(server, "local")) as client:
        with client.websocket_connect("/ws", headers={"authorization": f"Bearer {server.issue()}"}) as socket:
            assert socket.receive_text() == "user_1"
        with pytest.raises(WebSocketDenialResponse) as refused, client.websocket_connect("/ws"):
            pass
        assert refused.value.status_code == 401
        assert refused.value.json()["error"] == "missing_token"
