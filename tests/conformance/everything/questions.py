"""What tools and prompts ask the client for."""

from __future__ import annotations

from typing import Any

import mcp_types as types


def question(message: str, **properties: str) -> types.ElicitRequest:
    """Asks the user for everything that is listed, by its JSON type."""
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in properties.items()},
        "required": [*properties],
    }
    return types.ElicitRequest(params=types.ElicitRequestFormParams(message=message, requested_schema=schema))


def sampling_message(prompt: str) -> types.SamplingMessage:
    return types.SamplingMessage(role="user", content=types.TextContent(type="text", text=prompt))


def sample(prompt: str, max_tokens: int) -> types.CreateMessageRequest:
    """Asks the client's model."""
    params = types.CreateMessageRequestParams(messages=[sampling_message(prompt)], max_tokens=max_tokens)
    return types.CreateMessageRequest(params=params)


def accepted(responses: types.InputResponses | None, key: str, field: str) -> str | None:
    """What the user answered, if it is there and a string."""
    response = (responses or {}).get(key)
    if not isinstance(response, types.ElicitResult) or response.action != "accept":
        return None
    value = (response.content or {}).get(field)
    return value if isinstance(value, str) else None


NAME_QUESTION = question("What is your name?", name="string")
