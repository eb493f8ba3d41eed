"""Which tool needs which scopes."""

from __future__ import annotations

from collections.abc import Mapping


class ToolTable:
    """Finds the scopes of a tool: an exact name first, then the pattern with the most literal characters."""

    def __init__(self, tool_scopes: Mapping[str, tuple[str, ...]]) -> None:
        self._exact = {name: scopes for name, scopes in tool_scopes.items() if "*" not in name}
        patterns = [(name.split("*"), scopes) for name, scopes in tool_scopes.items() if "*" in name]
        # The sort is stable: among equals, the first declared stays first.
        self._patterns = sorted(patterns, key=lambda pattern: -sum(map(len, pattern[0])))

    def find(self, tool: str) -> tuple[str, ...] | None:
        """The scopes that a tool needs, or none where nobody may call it."""
        scopes = self._exact.get(tool)
        if scopes is not None:
            return scopes
        return next((scopes for parts, scopes in self._patterns if _matches(tool, parts)), None)


def _matches(tool: str, parts: list[str]) -> bool:
    """Whether a name has the parts in their order, with anything between them. Linear, unlike a regular expression."""
    first, *middle, last = parts
    if len(tool) < len(first) + len(last) or not tool.startswith(first) or not tool.endswith(last):
        return False
    position, end = len(first), len(tool) - len(last)
    for part in middle:
        found = tool.find(part, position, end)
        if found < 0:
            return False
        position = found + len(part)
    return True
