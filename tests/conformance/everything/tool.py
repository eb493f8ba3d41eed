"""A table of tools."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError

Context: TypeAlias = ServerRequestContext[Any, Any]
Result: TypeAlias = types.CallToolResult | types.InputRequiredResult
Call: TypeAlias = Callable[[Context, types.CallToolRequestParams], Awaitable[Result]]
Schema: TypeAlias = dict[str, Any]

NO_ARGUMENTS: Schema = {"type": "object", "properties": {}}


@dataclass(frozen=True)
class Tool:
    description: str
    call: Call
    schema: Schema


class Tools:
    """Tools by their names, in the order in which they were added."""

    def __init__(self) -> None:
        self._tools: dict[str, Tool] = {}

    def add(self, description: str, schema: Schema = NO_ARGUMENTS) -> Callable[[Call], Call]:
        """Adds a function under its own name."""

        def decorate(call: Call) -> Call:
            self._tools[call.__name__] = Tool(description, call, schema)
            return call

        return decorate

    def schema_of(self, name: str) -> Schema | None:
        tool = self._tools.get(name)
        return None if tool is None else tool.schema

    def __iter__(self) -> Iterator[types.Tool]:
        for name, tool in self._tools.items():
            yield types.Tool(name=name, description=tool.description, input_schema=tool.schema)

    async def call(self, context: Context, params: types.CallToolRequestParams) -> Result:
        """Calls one. Raises ``MCPError`` where there is none of that name."""
        tool = self._tools.get(params.name)
        if tool is None:
            raise MCPError(types.INVALID_PARAMS, f"There is no tool {params.name!r}.")
        return await tool.call(context, params)


def arguments_of(params: types.CallToolRequestParams) -> dict[str, Any]:
    return params.arguments or {}


def strings(*names: str) -> Schema:
    """The schema of arguments that are all strings, and all required."""
    return {"type": "object", "properties": {name: {"type": "string"} for name in names}, "required": [*names]}
