"""Resources, and one template of resources."""

from __future__ import annotations

import json
import re

import mcp_types as types
from mcp.shared.exceptions import MCPError

from .content import PNG
from .tool import Context

TEXT_URI, BINARY_URI, WATCHED_URI = "test://static-text", "test://static-binary", "test://watched-resource"
RESOURCES = [
    types.Resource(uri=TEXT_URI, name="static-text", description="A text", mime_type="text/plain"),
    types.Resource(uri=BINARY_URI, name="static-binary", description="An image", mime_type="image/png"),
    types.Resource(uri=WATCHED_URI, name="watched", description="A text that may change", mime_type="text/plain"),
]
TEMPLATES = [
    types.ResourceTemplate(
        uri_template="test://template/{id}/data",
        name="template",
        description="Data of an id",
        mime_type="application/json",
    )
]


async def list_resources(_: Context, __: types.PaginatedRequestParams | None) -> types.ListResourcesResult:
    return types.ListResourcesResult(resources=RESOURCES)


async def list_templates(_: Context, __: types.PaginatedRequestParams | None) -> types.ListResourceTemplatesResult:
    return types.ListResourceTemplatesResult(resource_templates=TEMPLATES)


async def read_resource(_: Context, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
    return types.ReadResourceResult(contents=[_read(str(params.uri))])


def _read(uri: str) -> types.TextResourceContents | types.BlobResourceContents:
    if uri == BINARY_URI:
        return types.BlobResourceContents(uri=uri, mime_type="image/png", blob=PNG)
    if uri == TEXT_URI:
        return _text(uri, "text/plain", "This is the content of the static text resource.")
    if uri == WATCHED_URI:
        return _text(uri, "text/plain", "Watched.")
    if match := re.fullmatch(r"test://template/([^/]+)/data", uri):
        data = {"id": match[1], "templateTest": True, "data": f"Data for ID: {match[1]}"}
        return _text(uri, "application/json", json.dumps(data))
    raise MCPError(types.INVALID_PARAMS, "Resource not found", {"uri": uri})


def _text(uri: str, mime_type: str, value: str) -> types.TextResourceContents:
    return types.TextResourceContents(uri=uri, mime_type=mime_type, text=value)


async def subscribe(_: Context, __: types.SubscribeRequestParams) -> types.EmptyResult:
    """Of revisions before 2026-07-28. Nothing of ours changes, so nobody is notified."""
    return types.EmptyResult()


async def unsubscribe(_: Context, __: types.UnsubscribeRequestParams) -> types.EmptyResult:
    return types.EmptyResult()
