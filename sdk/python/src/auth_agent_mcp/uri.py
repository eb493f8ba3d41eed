"""URIs: which may be used, how two are compared (RFC 3986 §6.2), and where metadata is (RFC 9728 §3.1)."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, quote, urlsplit

WELL_KNOWN = "/.well-known/oauth-protected-resource"

_DEFAULT_PORTS = {"http": 80, "https": 443}
_PERCENT = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_ALLOWED = re.compile(r"[\x21-\x7e]+")


def split_server_url(url: str) -> SplitResult:
    """Takes apart the URL of a server: https, or http on a loopback address, without user or fragment.

    Raises ``ValueError`` with a sentence that says what is wrong.
    """
    if not _ALLOWED.fullmatch(url) or '"' in url or "\\" in url:
        raise ValueError("it has characters that a URL must not have")
    parts = urlsplit(url)
    _ = parts.port  # Raises where it is no number.
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ValueError("it must start with https://, or with http:// on a loopback address")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("http is for loopback addresses only; use https")
    if "@" in parts.netloc:
        raise ValueError("it must not name a user")
    if "#" in url:
        raise ValueError("it must not have a fragment")
    return parts


def is_loopback(host: str) -> bool:
    """Whether a host is this machine (RFC 8252 §7.3, §8.3)."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def metadata_url(resource: str) -> str:
    """The URL of a resource's metadata: the well-known path between its host and its path (RFC 9728 §3.1)."""
    parts = urlsplit(resource)
    path = "" if parts.path == "/" else parts.path
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc}{WELL_KNOWN}{path}{query}"


def normalize(uri: str) -> str | None:
    """A URI without query and fragment in the form in which two are compared (RFC 3986 §6.2.2, §6.2.3), or none."""
    if not _ALLOWED.fullmatch(uri):
        return None
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not parts.scheme or not host or "@" in parts.netloc:
        return None
    authority = f"[{host}]" if ":" in host else _normalize_escapes(host).lower()
    if port is not None and port != _DEFAULT_PORTS.get(parts.scheme):
        authority += f":{port}"
    return f"{parts.scheme}://{authority}{_remove_dot_segments(_normalize_escapes(parts.path)) or '/'}"


def escape_path(path: str) -> str:
    """The percent-encoded form of a decoded path."""
    return quote(path, safe="/:@!$&'()*+,;=-._~%")


def _normalize_escapes(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        character = chr(int(match[1], 16))
        return character if character in _UNRESERVED else match[0].upper()

    return _PERCENT.sub(one, text)


def _remove_dot_segments(path: str) -> str:
    """RFC 3986 §5.2.4, for a path that starts with a slash or is empty."""
    if "/." not in path:
        return path
    kept: list[str] = []
    segments = path.split("/")[1:]
    for index, segment in enumerate(segments):
        is_last = index == len(segments) - 1
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
            continue
        if is_last:
            kept.append("")
    return "/" + "/".join(kept)
