"""Finds the tools that a request calls, in its JSON-RPC body."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import Any

from .errors import JsonRpcError, UnsupportedMediaTypeError
from .http_request import HttpRequest

_CHARSET = re.compile(r""";\s*charset\s*=\s*["']?([^\s;"']*)""", re.IGNORECASE)

PARSE_ERROR, INVALID_PARAMS, HEADER_MISMATCH = -32700, -32602, -32020


@dataclass(frozen=True)
class ToolUse:
    """The tools that a body calls, in order, and whether it asks which there are."""

    called: tuple[str, ...]
    lists: bool


def check_encoding(request: HttpRequest) -> None:
    """Raises ``UnsupportedMediaTypeError`` where the application might read another body than we do.

    That is one that is compressed (RFC 9110 §8.4), or said to be in another charset.
    """
    encodings = request.header_values(b"content-encoding")
    if any(encoding.lower() not in ("", "identity") for encoding in encodings):
        raise UnsupportedMediaTypeError("Send the body without Content-Encoding; its tools must be readable.")
    charsets = [charset for value in request.header_values(b"content-type") for charset in _CHARSET.findall(value)]
    if any(charset.lower() not in ("utf-8", "utf8") for charset in charsets):
        raise UnsupportedMediaTypeError("Send the body in UTF-8, as JSON is (RFC 8259 §8.1).")


def read_tool_use(request: HttpRequest, body: bytes) -> ToolUse:
    """Raises ``JsonRpcError`` where the body cannot be read, or the headers say something else than it does."""
    document = _parse(body)
    messages = document if isinstance(document, list) else [document]
    if not all(isinstance(message, dict) for message in messages):
        raise JsonRpcError(PARSE_ERROR, "The body must be a JSON-RPC message, or a list of them.")
    _check_headers(request, document)
    called = [_tool_name(message) for message in messages if message.get("method") == "tools/call"]
    return ToolUse(tuple(called), any(message.get("method") == "tools/list" for message in messages))


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise JsonRpcError(PARSE_ERROR, "The body is not JSON in UTF-8.") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _tool_name(message: dict[str, Any]) -> str:
    name = _parameter(message, "name")
    if name is None:
        raise JsonRpcError(INVALID_PARAMS, "params.name must be the name of a tool.", message.get("id"))
    return name


def _parameter(message: dict[str, Any], name: str) -> str | None:
    params = message.get("params")
    value = params.get(name) if isinstance(params, dict) else None
    return value if isinstance(value, str) else None


def _check_headers(request: HttpRequest, document: Any) -> None:
    """What proxies route by must be what the server acts on (MCP 2026-07-28, Streamable HTTP)."""
    methods, names = request.header_values(b"mcp-method"), request.header_values(b"mcp-name")
    if not methods and not names:
        return
    if isinstance(document, list):
        raise JsonRpcError(HEADER_MISMATCH, "Mcp-Method and Mcp-Name must not come with a batch.")
    request_id = document.get("id")
    if len(methods) > 1 or len(names) > 1:
        raise JsonRpcError(HEADER_MISMATCH, "Mcp-Method and Mcp-Name may come once only.", request_id)
    if methods and methods[0] != document.get("method"):
        raise JsonRpcError(HEADER_MISMATCH, "Mcp-Method is not the method of the body.", request_id)
    if names:
        expected = _routed_name(document)
        if expected is None or _decode_name(names[0]) != expected:
            raise JsonRpcError(HEADER_MISMATCH, "Mcp-Name is not what the body names.", request_id)


def _routed_name(message: dict[str, Any]) -> str | None:
    """What a message is about: of a resource its URI, whatever name there is besides."""
    if message.get("method") == "resources/read":
        return _parameter(message, "uri")
    name = _parameter(message, "name")
    return _parameter(message, "uri") if name is None else name


def _decode_name(value: str) -> str | None:
    if not (value.startswith("=?base64?") and value.endswith("?=") and len(value) >= 11):
        return value
    try:
        return base64.b64decode(value[9:-2], validate=True).decode("utf-8")
    except ValueError:
        return None
