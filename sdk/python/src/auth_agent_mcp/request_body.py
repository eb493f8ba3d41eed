"""Reads a request's body, and hands it to the application as if nobody had."""

from __future__ import annotations

from .errors import RequestTooLargeError
from .http_request import HttpRequest, Message, Receive


class ClientDisconnectedError(Exception):
    """The client left before its request was complete."""


async def read_body(request: HttpRequest, receive: Receive, limit: int) -> bytes:
    """The whole body. Raises ``RequestTooLargeError`` beyond ``limit`` bytes, and ``ClientDisconnectedError``."""
    length = request.header(b"content-length")
    if length is not None and length.isascii() and length.isdigit() and int(length[:20]) > limit:
        raise _too_large(limit)
    chunks: list[bytes] = []
    size, is_complete = 0, False
    while not is_complete:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientDisconnectedError
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
        is_complete = not message.get("more_body", False)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def replay(body: bytes, receive: Receive) -> Receive:
    """A ``receive`` that gives the body once, and then whatever comes, which is that the client has left."""
    is_pending = True

    async def receive_again() -> Message:
        nonlocal is_pending
        if is_pending:
            is_pending = False
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return receive_again


def _too_large(limit: int) -> RequestTooLargeError:
    return RequestTooLargeError(f"The body is longer than {limit} bytes.")
