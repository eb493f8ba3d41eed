"""A JWS in compact form (RFC 7515 §7.1), taken apart. Nothing here is trusted before the signature is.

This is on the way of every token that was not seen before, hence bytes and tables instead of regular expressions.
"""

from __future__ import annotations

import binascii
import json
from typing import Any, NamedTuple

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_TO_BASE64 = bytes.maketrans(b"-_", b"+/")
_PADDING = (b"", b"===", b"==", b"=")


class CompactJws(NamedTuple):
    """The parts as they were sent, and the signature decoded."""

    header: bytes
    payload: bytes
    signing_input: bytes
    signature: bytes


def split_jws(data: bytes) -> CompactJws:
    """Three parts of base64url without padding. Raises ``ValueError``."""
    parts = data.split(b".")
    if len(parts) != 3 or data.translate(None, _ALPHABET) != b"..":
        raise ValueError("not a JWS in compact form")
    header, payload, signature = parts
    return CompactJws(header, payload, data[: -len(signature) - 1], decode_part(signature))


def decode_part(part: bytes) -> bytes:
    """The octets of a part, whose characters ``split_jws`` has checked. Raises ``ValueError``."""
    return binascii.a2b_base64(part.translate(_TO_BASE64) + _PADDING[len(part) % 4])


def decode_object(part: bytes) -> dict[str, Any]:
    """The JSON object of a part. Raises ``ValueError``."""
    try:
        text = decode_part(part).decode("utf-8")
        value, end = _DECODER.raw_decode(text) if text.startswith("{") else (None, 0)
        if end != len(text):  # White space around it, or more than one value.
            value = _DECODER.decode(text)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(value, dict):
        raise ValueError("no JSON object")
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
