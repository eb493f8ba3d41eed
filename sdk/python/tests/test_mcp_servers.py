"""Real MCP servers behind the middleware, and with the verifiers in their own forms."""

from __future__ import annotations

import json
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastmcp import FastMCP
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import MCPServer
from starlette.applications import Starlette

from auth_agent_mcp import current_auth, require_scopes
from auth_agent_mcp.fastmcp import AuthAgentProvider
from auth_agent_mcp.mcp import AuthAgentTokenVerifier
from auth_agent_mcp.verifier import Verifier
from fake_server import FakeAuthServer, protect
from keys import AUTH_SERVER, RESOURCE
from support import FakeClock

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

BASE_URL = "http://127.0.0.1:8000"
MCP_HEADERS = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
METADATA = "https://mcp.example/.well-known/oauth-protected-resource/mcp"


def who_am_i() -> str:
    """Says who asks."""
    auth = current_auth()
    return auth.subject if auth else "nobody"


@require_scopes("files:write")
async def write(path: str) -> str:
    """Writes."""
    return f"wrote {path}"


def with_fastmcp(auth: Any = None) -> Starlette:
    server: FastMCP[Any] = FastMCP("test", auth=auth)
    server.tool(who_am_i)
    server.tool(write)
    return server.http_app()


def with_official_sdk(**options: Any) -> Starlette:
    server = MCPServer("test", **options)
    server.tool()(who_am_i)
    server.tool()(write)
    return server.streamable_http_app()


class Session:
    """A client of revision 2025-06-18, without its comforts."""

    def __init__(self, http: httpx.AsyncClient, token: str, session_id: str | None = None) -> None:
        self.http, self.token, self.session_id = http, token, session_id

    async def post(self, message: dict[str, Any]) -> httpx.Response:
        headers = {**MCP_HEADERS, "authorization": f"Bearer {self.token}"}
        if self.session_id is not None:
            headers |= {"mcp-session-id": self.session_id, "mcp-protocol-version": "2025-06-18"}
        response = await self.http.post("/mcp", json={"jsonrpc": "2.0", **message}, headers=headers)
        self.session_id = response.headers.get("mcp-session-id", self.session_id)
        return response

    async def initialize(self) -> httpx.Response:
        info = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
        response = await self.post({"id": 1, "method": "initialize", "params": info})
        if response.status_code == 200:
            await self.post({"method": "notifications/initialized"})
        return response

    async def call(self, tool: str, **arguments: Any) -> Any:
        response = await self.post({"id": 2, "method": "tools/call", "params": {"name": tool, "arguments": arguments}})
        assert response.status_code == 200, response.text
        data = [line[6:] for line in response.text.splitlines() if line.startswith("data: {")]
        return json.loads(data[-1] if data else response.text)["result"]


@asynccontextmanager
async def serving(app: Starlette, protected: Any = None) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(protected or app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url=BASE_URL) as http:
        yield http


MAKERS: list[Callable[[], Starlette]] = [with_fastmcp, with_official_sdk]


@pytest.fixture(params=MAKERS, ids=["fastmcp", "official"])
def make_app(request: pytest.FixtureRequest) -> Callable[[], Starlette]:
    make: Callable[[], Starlette] = request.param
    return make


async def test_a_tool_behind_the_middleware_knows_who_asks(make_app: Callable[[], Starlette]) -> None:
    server, app = FakeAuthServer(), make_app()
    async with serving(app, protect(app, server)) as http:
        session = Session(http, server.issue())
        assert (await session.initialize()).status_code == 200
        assert (await session.call("who_am_i"))["content"][0]["text"] == "user_1"
        # The same session with a newer token of the same person, who may do more now.
        refused = await session.call("write", path="a")
        assert refused["isError"] is True
        assert "This needs the scope files:write." in refused["content"][0]["text"]
        session.token = server.issue(scope="files:read files:write")
        assert (await session.call("write", path="a"))["content"][0]["text"] == "wrote a"


async def test_a_session_is_no_use_to_another_person(make_app: Callable[[], Starlette]) -> None:
    server, app = FakeAuthServer(), make_app()
    async with serving(app, protect(app, server)) as http:
        session = Session(http, server.issue())
        await session.initialize()
        thief = Session(http, server.issue(sub="user_2"), session.session_id)
        assert (await thief.post({"id": 3, "method": "tools/list"})).status_code == 404


async def test_tools_of_the_table_answer_403_before_the_server_sees_the_call(make_app: Callable[[], Starlette]) -> None:
    server, app = FakeAuthServer(), make_app()
    tools = {"who_am_i": [], "write": ["files:write"]}
    async with serving(app, protect(app, server, tool_scopes=tools, filter_tools=True)) as http:
        session = Session(http, server.issue())
        await session.initialize()
        call = {"id": 2, "method": "tools/call", "params": {"name": "write", "arguments": {"path": "a"}}}
        response = await session.post(call)
        assert (response.status_code, response.json()["error"]) == (403, "insufficient_scope")
        listed = await session.post({"id": 3, "method": "tools/list"})
        assert "who_am_i" in listed.text
        assert "write" not in listed.text


def use(server: FakeAuthServer, owner: Any) -> None:
    """Makes a verifier ask the authorization server of the test."""
    owner._verifier = Verifier(owner._options, clock=FakeClock(), transport=server)


def fastmcp_with_provider(server: FakeAuthServer) -> Starlette:
    provider = AuthAgentProvider(
        server_id="srv_test",
        api_key="sk_test",
        auth_server=AUTH_SERVER,
        resource=RESOURCE,
        required_scopes=["files:read"],
    )
    use(server, provider.token_verifier)
    return with_fastmcp(provider)


def official_with_verifier(server: FakeAuthServer) -> Starlette:
    verifier = AuthAgentTokenVerifier(
        server_id="srv_test", api_key="sk_test", auth_server=AUTH_SERVER, resource=RESOURCE
    )
    use(server, verifier)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        settings = AuthSettings.model_validate(
            {
                "issuer_url": AUTH_SERVER,
                "resource_server_url": RESOURCE,
                "required_scopes": ["files:read"],
                "validate_token_resource": True,
            }
        )
    return with_official_sdk(token_verifier=verifier, auth=settings)


@pytest.fixture(params=[fastmcp_with_provider, official_with_verifier], ids=["fastmcp", "official"])
def make_verified(request: pytest.FixtureRequest) -> Callable[[FakeAuthServer], Starlette]:
    make: Callable[[FakeAuthServer], Starlette] = request.param
    return make


# Their clock is ours, but FastMCP and the SDK look at ``expires_at`` by themselves.
FRESH = {"iat": 1_764_000_000, "exp": 4_000_000_000}


async def test_verifiers_serve_metadata_and_challenges(make_verified: Callable[..., Starlette]) -> None:
    server = FakeAuthServer()
    async with serving(make_verified(server)) as http:
        metadata = (await http.get("/.well-known/oauth-protected-resource/mcp")).json()
        assert metadata["resource"] == RESOURCE
        assert [issuer.rstrip("/") for issuer in metadata["authorization_servers"]] == [AUTH_SERVER]
        response = await http.post("/mcp", json={}, headers=MCP_HEADERS)
        assert response.status_code == 401
        assert f'resource_metadata="{METADATA}"' in response.headers["www-authenticate"]


async def test_verifiers_let_a_tool_know_who_asks(make_verified: Callable[..., Starlette]) -> None:
    server = FakeAuthServer()
    async with serving(make_verified(server)) as http:
        session = Session(http, server.issue(**FRESH))
        assert (await session.initialize()).status_code == 200
        assert (await session.call("who_am_i"))["content"][0]["text"] == "user_1"
        assert (await session.call("write", path="a"))["isError"] is True
        session.token = server.issue(scope="files:read files:write", **FRESH)
        assert (await session.call("write", path="a"))["content"][0]["text"] == "wrote a"


async def test_verifiers_refuse_what_is_not_theirs(make_verified: Callable[..., Starlette]) -> None:
    server = FakeAuthServer()
    async with serving(make_verified(server)) as http:
        for changes in ({"aud": "https://other.example"}, {"cnf": {"jkt": "x"}}, {"iss": "https://evil.example"}):
            session = Session(http, server.issue(**{**FRESH, **changes}))
            assert (await session.initialize()).status_code == 401
        assert (await Session(http, "made-up").initialize()).status_code == 401
        assert (await Session(http, server.issue(scope="other", **FRESH)).initialize()).status_code == 403


async def test_fastmcp_answers_503_where_nobody_can_tell() -> None:
    server = FakeAuthServer()
    async with serving(fastmcp_with_provider(server)) as http:
        server.is_down = True
        response = await Session(http, "token").initialize()
        assert (response.status_code, response.headers["retry-after"]) == (503, "5")


def test_fastmcp_says_the_issuer_byte_for_byte() -> None:
    provider = AuthAgentProvider(server_id="srv_test", api_key="sk_test", resource="https://mcp.example/mcp")
    assert [str(issuer) for issuer in provider.authorization_servers] == ["http://localhost:8787"]
