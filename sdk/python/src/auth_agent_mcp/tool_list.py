"""Leaves out of the answer to ``tools/list`` what the caller may not call, in JSON and in SSE."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from .answers import Headers, json_answer
from .http_request import Message, Scope, Send

_EVENT_END = re.compile(rb"(?:\r\n|\n|\r(?!\n)){2}")
_LINE_END = re.compile(r"\r\n|\n|\r")

IsAllowed = Callable[[str], bool]


def without_accept_encoding(scope: Scope) -> Scope:
    """The request without ``Accept-Encoding``: an answer that is compressed could not be filtered."""
    headers = [(name, value) for name, value in scope["headers"] if name.lower() != b"accept-encoding"]
    return {**scope, "headers": headers}


class ToolListFilter:
    """A ``send`` that filters. Everything else goes through at once; so do the events of a stream, one by one."""

    def __init__(self, send: Send, is_allowed: IsAllowed, *, only_events: bool) -> None:
        self._send = send
        self._is_allowed = is_allowed
        self._kinds = {b"text/event-stream"} if only_events else {b"text/event-stream", b"application/json"}
        self._start: Message | None = None
        self._handle: Callable[[Message], Any] = self._pass
        self._buffer = b""

    async def __call__(self, message: Message) -> None:
        """Takes one message of the application."""
        if message["type"] == "http.response.start":
            await self._begin(message)
        elif message["type"] == "http.response.body":
            await self._handle(message)
        else:
            await self._send(message)

    async def _begin(self, message: Message) -> None:
        headers = [(name.lower(), value) for name, value in message.get("headers", ())]
        kind = b"".join(value for name, value in headers if name == b"content-type").split(b";")[0].strip().lower()
        if kind not in self._kinds:
            await self._send(message)
        elif any(name == b"content-encoding" and value.lower() != b"identity" for name, value in headers):
            await self._refuse()
        elif kind == b"application/json":
            self._start, self._handle = message, self._collect_json
        else:
            self._handle = self._filter_events
            await self._send({**message, "headers": _without_length(message)})

    async def _pass(self, message: Message) -> None:
        await self._send(message)

    async def _ignore(self, message: Message) -> None:
        """Drops what comes after a refusal."""

    async def _refuse(self) -> None:
        self._handle = self._ignore
        description = "The server compressed its list of tools unasked, so that it cannot be filtered."
        await json_answer(500, {"error": "server_error", "error_description": description}).send(self._send)

    async def _collect_json(self, message: Message) -> None:
        self._buffer += message.get("body", b"")
        if message.get("more_body", False) or self._start is None:
            return
        body = self._filter_json(self._buffer)
        headers = [*_without_length(self._start), (b"content-length", str(len(body)).encode())]
        await self._send({**self._start, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})

    async def _filter_events(self, message: Message) -> None:
        self._buffer += message.get("body", b"")
        ready = b""
        while (end := _EVENT_END.search(self._buffer)) is not None:
            ready += self._filter_event(self._buffer[: end.end()])
            self._buffer = self._buffer[end.end() :]
        more = message.get("more_body", False)
        if not more:
            ready += self._buffer
        await self._send({"type": "http.response.body", "body": ready, "more_body": more})

    def _filter_event(self, event: bytes) -> bytes:
        """One event of a stream (HTML §9.2.6), whose lines of data make one JSON document."""
        lines = _LINE_END.split(event.decode("utf-8", "surrogateescape"))
        data = [line[5:].removeprefix(" ") for line in lines if line.startswith("data:")]
        before = "\n".join(data).encode("utf-8", "surrogateescape")
        after = self._filter_json(before)
        if after == before:
            return event
        others = [line for line in lines if line and not line.startswith("data:")]
        return "\n".join([*others, f"data: {after.decode()}", "", ""]).encode("utf-8", "surrogateescape")

    def _filter_json(self, body: bytes) -> bytes:
        try:
            document = json.loads(body.decode("utf-8"))
        except (ValueError, RecursionError):
            return body
        messages = document if isinstance(document, list) else [document]
        is_changed = False
        for message in messages:
            result = message.get("result") if isinstance(message, dict) else None
            if isinstance(result, dict) and isinstance(result.get("tools"), list):
                result["tools"] = [tool for tool in result["tools"] if self._keeps(tool)]
                if "cacheScope" in result:
                    # What is left depends on who asked, so that nobody may share it (MCP 2026-07-28, caching).
                    result["cacheScope"] = "private"
                is_changed = True
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode() if is_changed else body

    def _keeps(self, tool: Any) -> bool:
        name = tool.get("name") if isinstance(tool, dict) else None
        return isinstance(name, str) and self._is_allowed(name)


def _without_length(message: Message) -> Headers:
    return [(name, value) for name, value in message.get("headers", ()) if name.lower() != b"content-length"]
