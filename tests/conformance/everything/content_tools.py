"""Tools that answer with each kind of content, and one whose schema uses what JSON Schema 2020-12 added."""

from __future__ import annotations

import json

import mcp_types as types

from .content import answer, audio, embedded, image, text
from .tool import Context, Result, Schema, Tools, arguments_of

ADDRESS_SCHEMA: Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        },
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}
REGION_SCHEMA: Schema = {
    "type": "object",
    "properties": {"region": {"type": "string", "x-mcp-header": "Region"}},
    "required": ["region"],
}


def add_content_tools(tools: Tools) -> None:
    @tools.add("Answers with text")
    async def test_simple_text(_: Context, __: types.CallToolRequestParams) -> Result:
        return answer(text("This is a simple text response for testing."))

    @tools.add("Answers with an image")
    async def test_image_content(_: Context, __: types.CallToolRequestParams) -> Result:
        return answer(image)

    @tools.add("Answers with a sound")
    async def test_audio_content(_: Context, __: types.CallToolRequestParams) -> Result:
        return answer(audio)

    @tools.add("Answers with a resource")
    async def test_embedded_resource(_: Context, __: types.CallToolRequestParams) -> Result:
        return answer(embedded("test://embedded-resource", "text/plain", "This is an embedded resource content."))

    @tools.add("Answers with text, an image and a resource")
    async def test_multiple_content_types(_: Context, __: types.CallToolRequestParams) -> Result:
        data = embedded("test://mixed-content-resource", "application/json", '{"test":"data","value":123}')
        return answer(text("Multiple content types test:"), image, data)

    @tools.add("Always fails")
    async def test_error_handling(_: Context, __: types.CallToolRequestParams) -> Result:
        return answer(text("This tool intentionally returns an error for testing"), is_error=True)

    @tools.add("Takes an address by a schema of JSON Schema 2020-12", ADDRESS_SCHEMA)
    async def json_schema_2020_12_tool(_: Context, params: types.CallToolRequestParams) -> Result:
        return answer(text(json.dumps(arguments_of(params))))

    @tools.add("Takes a region that clients repeat in the header Mcp-Param-Region (SEP-2243)", REGION_SCHEMA)
    async def test_header_parameter(_: Context, params: types.CallToolRequestParams) -> Result:
        return answer(text(arguments_of(params)["region"]))
