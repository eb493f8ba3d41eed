"""Where the access token is (RFC 6750 §2, RFC 9449 §7.1)."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from .errors import InvalidRequestError, InvalidTokenError, MissingTokenError
from .http_request import HttpRequest
from .verifier import Credential

_MAX_TOKEN_LENGTH = 16_384
_SCHEMES = {"bearer": "Bearer", "dpop": "DPoP"}
_SCHEME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_IS_DPOP = re.compile(r"dpop(?![!#$%&'*+\-.^_`|~0-9A-Za-z])", re.IGNORECASE)
_TOKEN = re.compile(r" +([A-Za-z0-9\-._~+/]+=*)")


def read_credential(request: HttpRequest) -> Credential:
    """The one credential of a request. Raises ``InvalidRequestError``, ``MissingTokenError``, ``InvalidTokenError``."""
    query = request.query.decode("latin-1")
    # RFC 6750 §2.3: a token in the query ends in logs and in the history of browsers.
    if query and any(name == "access_token" for name, _ in parse_qsl(query, keep_blank_values=True)):
        raise InvalidRequestError("The access token must not be in the query. Send it in the Authorization header.")
    values = request.header_values(b"authorization")
    if len(values) > 1:
        raise InvalidRequestError("There must be one Authorization header only.")
    header = values[0] if values else ""
    match = _SCHEME.match(header)
    scheme = _SCHEMES.get(match[0].lower()) if match else None
    if match is None or scheme is None:
        raise MissingTokenError("Get an access token as resource_metadata describes, and send it as Bearer.")
    token = _TOKEN.fullmatch(header, match.end())
    if token is None:
        raise InvalidRequestError(f"The Authorization header must be {scheme}, a space, and one access token.")
    if len(token[1]) > _MAX_TOKEN_LENGTH:
        raise InvalidTokenError("This is no access token of the authorization server; it is too long.")
    return Credential(scheme, token[1])


def is_dpop(request: HttpRequest) -> bool:
    """Whether the credential came, or was meant to come, as DPoP."""
    values = request.header_values(b"authorization")
    return len(values) == 1 and values[0][:4].lower() == "dpop" and _IS_DPOP.match(values[0]) is not None
