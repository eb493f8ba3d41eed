"""The options, which are checked when they are set and not when they are used."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .scopes import is_scope, unique
from .uri import split_server_url

Validation = Literal["introspect", "local"]

DEFAULT_AUTH_SERVER = "http://localhost:8787"

_SERVER_ID = re.compile(r"srv_[A-Za-z0-9_-]+")
_API_KEY = re.compile(r"sk_[\x21-\x7e]+")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#\s@,;\"\\A-Z]+")


@dataclass(frozen=True, kw_only=True)
class Options:
    """What protects one MCP server. The table in ``sdk/README.md`` says what each means."""

    server_id: str
    api_key: str
    auth_server: str
    resource: str | None
    required_scopes: tuple[str, ...]
    tool_scopes: dict[str, tuple[str, ...]] | None
    scope_hierarchy: dict[str, tuple[str, ...]]
    filter_tools: bool
    public_paths: tuple[str, ...]
    validation: Validation
    max_staleness: float
    allowed_origins: Literal["*"] | tuple[str, ...]
    max_body_size: int
    scopes_supported: tuple[str, ...] | None
    resource_name: str | None

    def __repr__(self) -> str:
        return f"Options(server_id={self.server_id!r}, auth_server={self.auth_server!r})"


def check_options(
    *,
    server_id: str,
    api_key: str,
    auth_server: str = DEFAULT_AUTH_SERVER,
    resource: str | None = None,
    required_scopes: Sequence[str] = (),
    tool_scopes: Mapping[str, Sequence[str]] | None = None,
    scope_hierarchy: Mapping[str, Sequence[str]] | None = None,
    filter_tools: bool = False,
    public_paths: Sequence[str] = (),
    validation: Validation = "introspect",
    max_staleness: float = 30,
    allowed_origins: Literal["*"] | Sequence[str] = "*",
    max_body_size: int = 16_777_216,
    scopes_supported: Sequence[str] | None = None,
    resource_name: str | None = None,
) -> Options:
    """Checks every option. Raises ``ValueError`` with a sentence that says which, why, and what would do."""
    check_credentials(server_id, api_key, auth_server)
    if resource is not None:
        _check_url("resource", resource, 'the URL under which clients know this server: "https://mcp.example.com/mcp"')
    if validation not in ("introspect", "local"):
        raise ValueError(f'validation is {validation!r}; use "introspect" or "local".')
    if not isinstance(filter_tools, bool):
        raise ValueError("filter_tools must be True or False.")
    if filter_tools and tool_scopes is None:
        raise ValueError("filter_tools has nothing to filter by; set tool_scopes as well, or leave it out.")
    if resource_name is not None and (not isinstance(resource_name, str) or not resource_name.strip()):
        raise ValueError("resource_name is empty; give a name that people know this server by, or leave it out.")
    return Options(
        server_id=server_id,
        api_key=api_key,
        auth_server=auth_server,
        resource=resource,
        required_scopes=_check_scopes("required_scopes", required_scopes),
        tool_scopes=None if tool_scopes is None else _check_tool_scopes(tool_scopes),
        scope_hierarchy=_check_hierarchy(scope_hierarchy),
        filter_tools=filter_tools,
        public_paths=_check_public_paths(public_paths),
        validation=validation,
        max_staleness=_check_number("max_staleness", max_staleness, "a number of seconds, such as 30, or 0"),
        allowed_origins=_check_origins(allowed_origins),
        max_body_size=_check_max_body_size(max_body_size),
        scopes_supported=None if scopes_supported is None else _check_scopes("scopes_supported", scopes_supported),
        resource_name=resource_name,
    )


def check_credentials(server_id: str, api_key: str, auth_server: str) -> None:
    """Checks what the authorization server is asked with. Raises ``ValueError``; the key is never in its message."""
    if not isinstance(server_id, str) or not _SERVER_ID.fullmatch(server_id):
        raise ValueError('server_id must be the id that this MCP server was registered with, such as "srv_abc123".')
    if not isinstance(api_key, str) or not _API_KEY.fullmatch(api_key):
        raise ValueError('api_key must be a key of this MCP server, which starts with "sk_"; is its variable set?')
    _check_url("auth_server", auth_server, 'the issuer: "https://auth.example.com"')
    if auth_server.endswith("/") or "?" in auth_server:
        raise ValueError("auth_server must be the issuer as it spells itself: without a slash at the end, or a query.")


def _check_url(name: str, value: object, wanted: str) -> None:
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a string: {wanted}.")
    try:
        split_server_url(value)
    except ValueError as error:
        raise ValueError(f"{name} cannot be used: {error}. It is {wanted}.") from None


def _check_list(name: str, value: object, wanted: str) -> list[Any]:
    if isinstance(value, str) or not isinstance(value, (list, tuple, set, frozenset)):
        raise ValueError(f"{name} must be a list: {wanted}.")
    return list(value)


def _check_scopes(name: str, value: object) -> tuple[str, ...]:
    scopes = _check_list(name, value, '["files:read"]')
    for scope in scopes:
        if not is_scope(scope):
            raise ValueError(f"{name} has {scope!r}, which is no scope (RFC 6749 §3.3); one has no spaces or quotes.")
    return unique(scopes)


def _check_table(name: str, value: object, wanted: str) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{name} must be a dictionary: {wanted}.")
    return value


def _check_tool_scopes(value: object) -> dict[str, tuple[str, ...]]:
    table = _check_table("tool_scopes", value, '{"read_file": ["files:read"]}')
    for tool in table:
        if not isinstance(tool, str) or not tool:
            raise ValueError(f"tool_scopes has {tool!r}, which is no name of a tool and no pattern.")
    return {tool: _check_scopes(f"tool_scopes[{tool!r}]", scopes) for tool, scopes in table.items()}


def _check_hierarchy(value: object) -> dict[str, tuple[str, ...]]:
    if value is None:
        return {}
    table = _check_table("scope_hierarchy", value, '{"files:write": ["files:read"]}')
    _check_scopes("scope_hierarchy", list(table))
    return {scope: _check_scopes(f"scope_hierarchy[{scope!r}]", implied) for scope, implied in table.items()}


def _check_public_paths(value: object) -> tuple[str, ...]:
    paths = _check_list("public_paths", value, '["/health", "/assets/*"]')
    for path in paths:
        if not isinstance(path, str) or not path.startswith("/") or "*" in path[:-1]:
            raise ValueError(f'public_paths has {path!r}; a path starts with "/" and may have "*" at its end only.')
        if path == "/*":
            raise ValueError('public_paths has "/*", which would leave nothing protected; name what needs no token.')
    return tuple(paths)


def _check_origins(value: object) -> Literal["*"] | tuple[str, ...]:
    if value == "*":
        return "*"
    origins = _check_list("allowed_origins", value, '["https://app.example.com"], "*" for all, or [] for none')
    for origin in origins:
        if not isinstance(origin, str) or not _ORIGIN.fullmatch(origin):
            raise ValueError(
                f"allowed_origins has {origin!r}, which is no origin (RFC 6454); one is lower-case scheme, host and "
                'port, such as "https://app.example.com".'
            )
    return tuple(origins)


def _check_max_body_size(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError("max_body_size must be a whole number of bytes, 1 or more, such as 16777216.")
    return value


def _check_number(name: str, value: object, wanted: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{name} must be {wanted}.")
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"{name} is {value}; it must be {wanted}.")
    return value
