"""List, read, search, write and delete the files below a root. Blocking; paths and errors as in ``paths``."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from .paths import MAX_DEPTH, FileError, Root, describe, split_path

MAX_FILE_BYTES = 1024 * 1024
MAX_ENTRIES = 1000
MAX_MATCHES = 100
MAX_FILES_SEARCHED = 10_000
MAX_LINE = 300

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True)
class Entry:
    """One entry of a folder; ``size`` in bytes. A link is listed, and never followed."""

    name: str
    kind: Literal["file", "folder", "link", "other"]
    size: int


@dataclass(frozen=True)
class Match:
    """A line that contains what was searched for. Lines count from 1."""

    path: str
    line: int
    text: str


def list_files(root: Root, path: str = "") -> list[Entry]:
    """The entries of a folder in the order of their names, MAX_ENTRIES at the most."""
    with root.folder(split_path(path)) as fd:
        return _entries(fd)[:MAX_ENTRIES]


def read_file(root: Root, path: str) -> str:
    """The text of a file of at most MAX_FILE_BYTES."""
    with root.parent(path) as (fd, name):
        content = _read(fd, name)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise FileError(f"{name!r} is not text in UTF-8.") from None


def search_files(root: Root, text: str, path: str = "") -> list[Match]:
    """The lines that contain ``text``, in the text files below a folder, MAX_MATCHES at the most."""
    if not text:
        raise FileError("Name the text to search for.")
    names = split_path(path)
    matches: list[Match] = []
    for searched, (file, content) in enumerate(_walk(root, names)):
        if searched >= MAX_FILES_SEARCHED:
            break
        for number, line in enumerate(content.splitlines(), start=1):
            if text in line:
                matches.append(Match(file, number, line[:MAX_LINE]))
                if len(matches) >= MAX_MATCHES:
                    return matches
    return matches


def write_file(root: Root, path: str, content: str) -> int:
    """Writes a file whole, in place of one that is there; folders above it are made. Returns its size in bytes."""
    data = content.encode("utf-8")
    if len(data) > MAX_FILE_BYTES:
        raise FileError(f"A file has {MAX_FILE_BYTES} bytes at the most.")
    with root.parent(path, create=True) as (fd, name):
        _check_writable(fd, name)
        draft = f".{secrets.token_hex(8)}.tmp"
        try:
            _write(fd, draft, data)
            # It replaces what bears the name, a link too, and never follows it.
            os.rename(draft, name, src_dir_fd=fd, dst_dir_fd=fd)
        except OSError as error:
            raise describe(error, name) from error
        finally:
            _remove_if_there(fd, draft)
    return len(data)


def delete_file(root: Root, path: str) -> None:
    """Deletes one file; a folder or a link stays."""
    with root.parent(path) as (fd, name):
        try:
            if not stat.S_ISREG(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode):
                raise FileError(f"{name!r} is not a regular file.")
            os.unlink(name, dir_fd=fd)
        except OSError as error:
            raise describe(error, name) from error


def _entries(fd: int) -> list[Entry]:
    with os.scandir(fd) as entries:
        listed = [_describe_entry(entry) for entry in entries]
    return sorted(listed, key=lambda entry: entry.name)


def _describe_entry(entry: os.DirEntry[str]) -> Entry:
    if entry.is_symlink():
        return Entry(entry.name, "link", 0)
    if entry.is_dir(follow_symlinks=False):
        return Entry(entry.name, "folder", 0)
    if not entry.is_file(follow_symlinks=False):
        return Entry(entry.name, "other", 0)
    try:
        return Entry(entry.name, "file", entry.stat(follow_symlinks=False).st_size)
    except FileNotFoundError:
        return Entry(entry.name, "file", 0)


def _read(fd: int, name: str) -> bytes:
    try:
        # Non-blocking: a named pipe would otherwise wait for somebody to write into it.
        file = os.open(name, _READ, dir_fd=fd)
    except OSError as error:
        raise describe(error, name) from error
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise FileError(f"{name!r} is not a regular file.")
        content = _read_up_to(file, MAX_FILE_BYTES + 1)
    finally:
        os.close(file)
    if len(content) > MAX_FILE_BYTES:
        raise FileError(f"{name!r} has more than {MAX_FILE_BYTES} bytes.")
    return content


def _read_up_to(file: int, size: int) -> bytes:
    parts: list[bytes] = []
    while size > 0 and (part := os.read(file, size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _write(fd: int, name: str, data: bytes) -> None:
    with os.fdopen(os.open(name, _CREATE, 0o644, dir_fd=fd), "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _check_writable(fd: int, name: str) -> None:
    try:
        mode = os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise describe(error, name) from error
    if not stat.S_ISREG(mode):
        raise FileError(f"{name!r} is there already, and is not a regular file.")


def _remove_if_there(fd: int, name: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=fd)


def _walk(root: Root, names: list[str]) -> Iterator[tuple[str, str]]:
    """The paths and texts of the files below a folder, in order, as far as they can be read."""
    with root.folder(names) as fd:
        entries = _entries(fd)
        for entry in entries:
            path = [*names, entry.name]
            if entry.kind == "file" and entry.size <= MAX_FILE_BYTES:
                try:
                    yield "/".join(path), _read(fd, entry.name).decode("utf-8")
                except (FileError, UnicodeDecodeError):
                    continue
    for entry in entries:
        if entry.kind == "folder" and len(names) < MAX_DEPTH:
            try:
                yield from _walk(root, [*names, entry.name])
            except FileError:
                continue
