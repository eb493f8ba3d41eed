"""Tools that send the client a request of their own, as revisions before 2026-07-28 have it."""

from __future__ import annotations

import json
from typing import Any

import mcp_types as types

from .content import answer, text
from .questions import sampling_message
from .tool import Context, Result, Schema, Tools, arguments_of, strings

USER: Schema = {
    "type": "object",
    "properties": {
        "username": {"type": "string", "description": "User's response"},
        "email": {"type": "string", "description": "User's email address"},
    },
    "required": ["username", "email"],
}
DEFAULTS: Schema = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        "verified": {"type": "boolean", "default": True},
    },
}
OPTIONS = ["option1", "option2", "option3"]


def _titled(noun: str) -> list[dict[str, str]]:
    return [{"const": f"value{n}", "title": f"{nth} {noun}"} for n, nth in enumerate(("First", "Second", "Third"), 1)]


CHOICES: Schema = {
    "type": "object",
    "properties": {
        "untitledSingle": {"type": "string", "enum": OPTIONS},
        "titledSingle": {"type": "string", "oneOf": _titled("Option")},
        "legacyEnum": {
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": OPTIONS}},
        "titledMulti": {"type": "array", "items": {"anyOf": _titled("Choice")}},
    },
}


def add_elicitation_tools(tools: Tools) -> None:
    @tools.add("Asks the model", strings("prompt"))
    async def test_sampling(context: Context, params: types.CallToolRequestParams) -> Result:
        sampled = await context.session.create_message(
            [sampling_message(arguments_of(params)["prompt"])],
            max_tokens=100,
            related_request_id=context.request_id,
        )
        return answer(text(f"LLM response: {sampled.content.model_dump_json()}"))

    @tools.add("Asks the user", strings("message"))
    async def test_elicitation(context: Context, params: types.CallToolRequestParams) -> Result:
        return await _ask(context, "User response", arguments_of(params)["message"], USER)

    @tools.add("Asks the user, with defaults")
    async def test_elicitation_sep1034_defaults(context: Context, _: types.CallToolRequestParams) -> Result:
        return await _ask(context, "Elicitation completed", "Please review your profile.", DEFAULTS)

    @tools.add("Asks the user to choose")
    async def test_elicitation_sep1330_enums(context: Context, _: types.CallToolRequestParams) -> Result:
        return await _ask(context, "Elicitation completed", "Please choose.", CHOICES)


async def _ask(context: Context, label: str, message: str, schema: dict[str, Any]) -> types.CallToolResult:
    result = await context.session.elicit_form(message, schema, related_request_id=context.request_id)
    return answer(text(f"{label}: action={result.action}, content={json.dumps(result.content)}"))
