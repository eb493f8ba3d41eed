"""``require_scopes`` as a dependency of FastAPI, and as a decorator."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Request

from auth_agent_mcp import InsufficientScopeError, MissingTokenError, current_auth, require_scopes
from auth_agent_mcp.options import check_options
from auth_agent_mcp.request_context import RequestContext, entered
from auth_agent_mcp.verified_token import VerifiedToken
from fake_server import FakeAuthServer, protect
from support import Response, request

METADATA = "https://mcp.example/.well-known/oauth-protected-resource/mcp"

router = APIRouter()


@router.get("/state")
async def state(request: Request) -> dict[str, Any]:
    names = ("subject", "user_email", "client_id", "scopes", "audience")
    return {name: getattr(request.state, name) for name in names}


@router.get("/files", dependencies=[Depends(require_scopes("files:write", "files:share"))])
async def files() -> str:
    auth = current_auth()
    assert auth is not None
    return auth.subject


@router.get("/sync")
def in_a_thread(_: Annotated[None, Depends(require_scopes("files:read"))]) -> str:
    auth = current_auth()
    assert auth is not None
    return auth.subject


@router.get("/decorated")
@require_scopes("files:write")
async def decorated() -> str:
    return "done"


@router.get("/public", dependencies=[Depends(require_scopes("files:read"))])
async def public() -> str:
    return "nobody gets here"


def make_app() -> FastAPI:
    app = FastAPI()
    app.include_router(router)
    return app


def get(path: str, scope: str | None = "files:read", **options: Any) -> Response:
    server = FakeAuthServer()
    headers = [("Origin", "https://app.example")]
    if scope is not None:
        headers.append(("Authorization", f"Bearer {server.issue(scope=scope)}"))
    app = make_app()
    app.add_middleware(protect, server=server, **options)  # type: ignore[arg-type]
    return asyncio.run(request(app, "GET", path, headers))


def test_the_state_says_who_asks() -> None:
    assert get("/state").json() == {
        "subject": "user_1",
        "user_email": "ada@example.com",
        "client_id": "client_1",
        "scopes": ["files:read"],
        "audience": "https://mcp.example/mcp",
    }


def test_a_token_with_the_scopes_is_let_through() -> None:
    assert get("/files", "files:write files:share").json() == "user_1"
    assert get("/sync").json() == "user_1"
    assert get("/decorated", "files:write").json() == "done"


def test_an_implied_scope_counts() -> None:
    hierarchy = {"admin": ["files:write", "files:share"]}
    assert get("/files", "admin", scope_hierarchy=hierarchy).status == 200


def test_a_missing_scope_is_challenged_with_all_that_is_needed() -> None:
    response = get("/files", "base files:write", required_scopes=["base"])
    assert response.status == 403
    challenge = response.header("www-authenticate")
    assert challenge is not None
    assert challenge.startswith(
        f'Bearer error="insufficient_scope", scope="base files:write files:share", resource_metadata="{METADATA}", '
    )
    assert response.json()["detail"]["error"] == "insufficient_scope"
    assert response.header("access-control-allow-origin") == "*"
    assert "WWW-Authenticate" in (response.header("access-control-expose-headers") or "")


def test_a_decorated_endpoint_is_answered_as_the_middleware_answers() -> None:
    response = get("/decorated")
    assert (response.status, response.json()["error"]) == (403, "insufficient_scope")
    assert 'scope="files:write"' in (response.header("www-authenticate") or "")
    assert response.header("access-control-allow-origin") == "*"


def test_on_a_public_path_nobody_is_authenticated() -> None:
    response = get("/public", None, public_paths=["/public"])
    assert (response.status, response.json()["detail"]["error"]) == (401, "missing_token")
    assert response.header("www-authenticate") == f'Bearer resource_metadata="{METADATA}"'


def test_without_the_middleware_nobody_gets_in() -> None:
    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(make_app()), base_url="http://test") as client:
            return await client.get("/public")

    response = asyncio.run(ask())
    assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")


@contextmanager
def as_caller(*scopes: str) -> Iterator[None]:
    options = check_options(server_id="srv_test", api_key="sk_test", required_scopes=["base"])
    mcp = "https://mcp.example/mcp"
    verified = VerifiedToken({}, "user_1", None, "client_1", scopes, mcp, (mcp,), math.inf, None, None, None, None)
    token = entered.set(RequestContext(options, None, verified, "token"))
    try:
        yield
    finally:
        entered.reset(token)


@require_scopes("files:write")
def write(path: str, *, text: str = "") -> str:
    """Writes a file."""
    return path + text


@require_scopes("files:write")
async def write_later(path: str) -> str:
    return path


def test_a_decorated_function_is_called_with_the_scope_and_not_without() -> None:
    with as_caller("base", "files:write"):
        assert write("a", text="b") == "ab"
        assert asyncio.run(write_later("a")) == "a"
    with as_caller("base", "files:read"):
        with pytest.raises(InsufficientScopeError, match="base files:write") as refused:
            write("a")
        with pytest.raises(InsufficientScopeError):
            asyncio.run(write_later("a"))
    assert refused.value.scopes == ("base", "files:write")


def test_a_decorated_function_is_refused_to_nobody() -> None:
    with pytest.raises(MissingTokenError, match="AuthAgentMiddleware"):
        write("a")


def test_a_decorated_function_keeps_its_name_and_signature() -> None:
    import inspect

    assert (write.__name__, write.__doc__) == ("write", "Writes a file.")
    assert str(inspect.signature(write)) == "(path: 'str', *, text: 'str' = '') -> 'str'"


@pytest.mark.parametrize("scopes", [(), ("",), ("two scopes",), ('"',)])
def test_scopes_that_make_no_sense_are_refused(scopes: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="require_scopes"):
        require_scopes(*scopes)


def test_a_generator_cannot_be_decorated() -> None:
    with pytest.raises(TypeError, match="generator"):

        @require_scopes("files:read")
        def produce() -> Any:
            yield 1
