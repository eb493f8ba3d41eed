"""Refuses the handshake of a WebSocket."""

from __future__ import annotations

from .answers import Answer
from .http_request import Receive, Scope, Send

_POLICY_VIOLATION = 1008


async def refuse_websocket(scope: Scope, receive: Receive, send: Send, answer: Answer) -> None:
    """Sends the answer where the server can (the ASGI extension for that), and otherwise closes, which is a 403."""
    message = await receive()
    if message["type"] != "websocket.connect":
        return
    if "websocket.http.response" in (scope.get("extensions") or {}):
        await answer.send(send, prefix="websocket.http.response")
    else:
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": ""})
