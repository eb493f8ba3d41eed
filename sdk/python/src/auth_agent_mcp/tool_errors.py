"""Refusals in a form that frameworks for MCP tools let the model read."""

from __future__ import annotations

import sys
from functools import cache
from typing import TypeVar, cast

from .errors import Refusal

R = TypeVar("R", bound=Refusal)

_MODULES = ("mcp.server.mcpserver.exceptions", "fastmcp.exceptions")


def for_tools(kind: type[R]) -> type[R]:
    """The same error, which is the ``ToolError`` of each framework that is in use as well.

    The official SDK tells the model what a ``ToolError`` says; of any other it says that the tool failed, and logs it
    as a defect.
    """
    loaded = tuple(module for module in _MODULES if hasattr(sys.modules.get(module), "ToolError"))
    combined: type[Refusal] = _combine(kind, loaded)  # type: ignore[arg-type]
    return cast("type[R]", combined)


@cache
def _combine(kind: type[Refusal], modules: tuple[str, ...]) -> type[Refusal]:
    bases = tuple(vars(sys.modules[module])["ToolError"] for module in modules)
    return type(kind.__name__, (kind, *bases), {"__doc__": kind.__doc__, "__module__": kind.__module__})
