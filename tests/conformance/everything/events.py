"""What sessions sent, for clients that come again with ``Last-Event-ID``."""

from __future__ import annotations

import mcp_types as types
from mcp.server.streamable_http import EventCallback, EventMessage, EventStore


class RememberedEvents(EventStore):
    def __init__(self) -> None:
        self._events: list[tuple[str, types.JSONRPCMessage | None]] = []

    async def store_event(self, stream_id: str, message: types.JSONRPCMessage | None) -> str:
        self._events.append((stream_id, message))
        return str(len(self._events) - 1)

    async def replay_events_after(self, last_event_id: str, send_callback: EventCallback) -> str | None:
        if not last_event_id.isdecimal() or int(last_event_id) >= len(self._events):
            return None
        stream_id, _ = self._events[int(last_event_id)]
        for event_id, (stream, message) in enumerate(self._events):
            # A priming event has no message.
            if event_id > int(last_event_id) and stream == stream_id and message is not None:
                await send_callback(EventMessage(message, str(event_id)))
        return stream_id
