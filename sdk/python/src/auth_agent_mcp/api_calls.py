"""The calls of the authorization server's endpoints: what is asked, and how the answer is read. No I/O."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any, cast
from urllib.parse import quote, urlsplit

import httpx

from .errors import OAuthError, TemporarilyUnavailableError
from .results import IntrospectionResult, ServerMetadata, TokenExchangeResult

ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


class ApiCalls:
    """Builds requests with the credential of one MCP server."""

    def __init__(self, server_id: str, api_key: str, auth_server: str) -> None:
        self._server_id = server_id
        self._auth_server = auth_server
        self._bearer = {"Authorization": f"Bearer {api_key}", "Accept": "application/json"}
        # RFC 6749 §2.3.1: both are form-encoded before they are joined.
        pair = f"{quote(server_id, safe='')}:{quote(api_key, safe='')}"
        self._basic = {
            "Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}",
            "Accept": "application/json",
        }

    def introspect(self, token: str) -> httpx.Request:
        """RFC 7662 §2.1."""
        return self._post("/introspect", {"token": token, "token_type_hint": "access_token"}, self._bearer)

    def revoke(self, token: str) -> httpx.Request:
        """RFC 7009 §2.1."""
        return self._post("/revoke", {"token": token, "token_type_hint": "access_token"}, self._bearer)

    def exchange(
        self,
        subject_token: str,
        audience: str | Sequence[str] | None,
        resource: str | Sequence[str] | None,
        scope: str | Sequence[str] | None,
    ) -> httpx.Request:
        """RFC 8693 §2.1. The client authenticates as RFC 6749 §2.3.1 says."""
        form: dict[str, str | list[str]] = {
            "grant_type": TOKEN_EXCHANGE,
            "subject_token": subject_token,
            "subject_token_type": ACCESS_TOKEN_TYPE,
        }
        for name, value in (("audience", audience), ("resource", resource)):
            if value:
                form[name] = value if isinstance(value, str) else list(value)
        if scope:
            form["scope"] = scope if isinstance(scope, str) else " ".join(scope)
        return self._post("/token", form, self._basic)

    def server_metadata(self) -> httpx.Request:
        """RFC 8414 §3.1: the well-known path goes between host and path of the issuer."""
        parts = urlsplit(self._auth_server)
        url = f"{parts.scheme}://{parts.netloc}/.well-known/oauth-authorization-server{parts.path}"
        return httpx.Request("GET", url, headers={"Accept": "application/json"})

    def protected_resource(self) -> httpx.Request:
        """The metadata that this MCP server was registered with (RFC 9728)."""
        return self._get(f"/.well-known/oauth-protected-resource/{self._server_id}", {"Accept": "application/json"})

    def jwks(self) -> httpx.Request:
        """RFC 7517 §5."""
        return self._get("/.well-known/jwks.json", {"Accept": "application/json"})

    def revocations(self, cursor: str | None, wait: int) -> httpx.Request:
        """The feed of denials. ``wait`` is in seconds."""
        after = "" if cursor is None else f"cursor={quote(cursor, safe='')}&"
        return self._get(f"/revocations?{after}wait={wait}", self._bearer)

    def _get(self, path: str, headers: Mapping[str, str]) -> httpx.Request:
        return httpx.Request("GET", self._auth_server + path, headers=headers)

    def _post(self, path: str, form: Mapping[str, str | list[str]], headers: Mapping[str, str]) -> httpx.Request:
        return httpx.Request("POST", self._auth_server + path, data=dict(form), headers=headers)


def read_object(response: httpx.Response) -> dict[str, Any]:
    """The JSON object of an answer. Raises ``OAuthError`` or ``TemporarilyUnavailableError``."""
    check_status(response)
    try:
        body = response.json()
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise TemporarilyUnavailableError("The authorization server answered with something that is no JSON object.")
    return body


def check_status(response: httpx.Response) -> None:
    """Takes 200 for an answer. Raises ``OAuthError`` where the request was refused, and otherwise says to try again."""
    if response.status_code == 200:
        return
    try:
        body = response.json()
    except (ValueError, RecursionError):
        body = None
    code = body.get("error") if isinstance(body, dict) else None
    if isinstance(body, dict) and isinstance(code, str) and 400 <= response.status_code < 500:
        raise OAuthError(code, str(body.get("error_description", code)), status=response.status_code)
    raise TemporarilyUnavailableError(f"The authorization server answered with status {response.status_code}.")


def read_introspection(response: httpx.Response) -> IntrospectionResult:
    """RFC 7662 §2.2: what is not said to be active is not."""
    body = read_object(response)
    return cast(IntrospectionResult, {**body, "active": body.get("active") is True})


def read_server_metadata(response: httpx.Response, auth_server: str) -> ServerMetadata:
    """RFC 8414 §3.3: metadata of another issuer must not be used."""
    body = read_object(response)
    if body.get("issuer") != auth_server:
        raise OAuthError("issuer_mismatch", f"The metadata is not that of {auth_server}.", status=200)
    return cast(ServerMetadata, body)


def read_exchange(response: httpx.Response) -> TokenExchangeResult:
    """RFC 8693 §2.2.1."""
    body = read_object(response)
    if not isinstance(body.get("access_token"), str):
        raise TemporarilyUnavailableError("The authorization server answered without an access token.")
    return cast(TokenExchangeResult, body)
