"""Asks for more scopes on one route, or one tool."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, overload

from .answers import describe_challenge
from .errors import InsufficientScopeError, MissingTokenError, Refusal
from .request_context import RequestContext, current_context
from .scopes import is_scope, unique
from .tool_errors import for_tools

F = TypeVar("F", bound=Callable[..., Any])


class RequireScopes:
    """What ``require_scopes`` gives: a dependency of FastAPI, and a decorator."""

    # FastAPI reads what a dependency wants from its signature: nothing, for it asks the context.
    __signature__ = inspect.Signature()

    def __init__(self, scopes: tuple[str, ...]) -> None:
        self.scopes = scopes

    @overload
    def __call__(self) -> None: ...
    @overload
    def __call__(self, function: F) -> F: ...
    def __call__(self, function: F | None = None) -> F | None:
        """Checks at once, as a dependency; or makes a function check before it runs, as a decorator."""
        if function is None:
            self._check_dependency()
            return None
        return self._decorate(function)

    def _decorate(self, function: F) -> F:
        if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
            raise TypeError("require_scopes cannot decorate a generator; check in a function that returns it.")
        wrapper: Any
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def wrapper(*args: Any, **kwargs: Any) -> Any:
                self._check(current_context())
                return await function(*args, **kwargs)
        else:

            @functools.wraps(function)
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                self._check(current_context())
                return function(*args, **kwargs)

        return wrapper  # type: ignore[no-any-return]

    def _check(self, context: RequestContext | None) -> None:
        if context is None or context.verified is None:
            raise for_tools(MissingTokenError)(
                "This needs an authenticated request: protect the path with AuthAgentMiddleware."
            )
        if not set(self.scopes).issubset(context.verified.scopes):
            raise for_tools(InsufficientScopeError)(unique([*context.options.required_scopes, *self.scopes]))

    def _check_dependency(self) -> None:
        context = current_context()
        try:
            self._check(context)
        except Refusal as refusal:
            raise _to_http_exception(refusal, context) from refusal


def require_scopes(*scopes: str) -> RequireScopes:
    """Asks for scopes beyond ``required_scopes``; implied ones count (``scope_hierarchy``).

    As a dependency, ``Depends(require_scopes("files:write"))``, it answers 403 with the challenge of RFC 6750 §3.1, or
    401 where nobody is authenticated. As a decorator, it raises ``InsufficientScopeError`` or ``MissingTokenError``;
    they are tool errors of the MCP SDK and FastMCP too, so that the model reads what is missing.
    """
    if not scopes or not all(is_scope(scope) for scope in scopes):
        raise ValueError(f'require_scopes{scopes!r}: name at least one scope, such as require_scopes("files:write").')
    return RequireScopes(unique(scopes))


def _to_http_exception(refusal: Refusal, context: RequestContext | None) -> Exception:
    from fastapi import HTTPException  # noqa: PLC0415

    challenge = "Bearer"
    if context is not None:
        required = context.options.required_scopes
        challenge = describe_challenge(refusal, context.resource_metadata, required, context.scheme) or challenge
    headers = {"Cache-Control": "no-store", "WWW-Authenticate": challenge}
    detail = {"error": refusal.code, "error_description": refusal.description}
    return HTTPException(refusal.status, detail, headers)
