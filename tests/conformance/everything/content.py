"""Content of each kind."""

from __future__ import annotations

import mcp_types as types

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mP4z8AAAAMBAQD3A0FDAAAAAElFTkSuQmCC"
"""A red pixel."""
WAV = "UklGRiwAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQgAAACAgICAgICAgA=="
"""A millisecond of silence."""

image = types.ImageContent(type="image", data=PNG, mime_type="image/png")
audio = types.AudioContent(type="audio", data=WAV, mime_type="audio/wav")


def text(value: str) -> types.TextContent:
    return types.TextContent(type="text", text=value)


def embedded(uri: str, mime_type: str, value: str) -> types.EmbeddedResource:
    return types.EmbeddedResource(
        type="resource", resource=types.TextResourceContents(uri=uri, mime_type=mime_type, text=value)
    )


def answer(*content: types.ContentBlock, is_error: bool = False) -> types.CallToolResult:
    """What a tool answers."""
    return types.CallToolResult(content=[*content], is_error=is_error)
