"""A JWS in compact form (RFC 7515 §7.1), taken apart. Nothing here is trusted before the signature is."""

from __future__ import annotations

import binascii
import json
import re
from dataclasses import dataclass
from typing import Any

_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_TO_BASE64 = str.maketrans("-_", "+/")


@dataclass(frozen=True)
class CompactJws:
    """The parts as they were sent, and the signature decoded."""

    header: str
    payload: str
    signing_input: bytes
    signature: bytes


def split_jws(token: str) -> CompactJws:
    """Three parts of base64url without padding. Raises ``ValueError``."""
    match = _COMPACT.fullmatch(token)
    if match is None:
        raise ValueError("not a JWS in compact form")
    header, payload, signature = match.groups()
    return CompactJws(header, payload, token[: match.end(2)].encode("ascii"), decode_part(signature))


def decode_part(part: str) -> bytes:
    """The octets of a part, whose characters ``split_jws`` has checked. Raises ``ValueError``."""
    return binascii.a2b_base64(part.translate(_TO_BASE64) + "==="[: -len(part) % 4])


def decode_object(part: str) -> dict[str, Any]:
    """The JSON object of a part. Raises ``ValueError``."""
    try:
        value = json.loads(decode_part(part).decode("utf-8"), parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(value, dict):
        raise ValueError("no JSON object")
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
