"""From the path that a client names to an open folder and a name in it, below a root that cannot be left.

A path is walked one folder at a time, each opened relative to the one before and none of them through a symbolic
link. So there is no moment between a check and its use in which somebody could put a link in the way.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
MAX_DEPTH = 64


class FileError(Exception):
    """What cannot be done, in a sentence for the model that asked."""


def split_path(path: str) -> list[str]:
    """The names of a relative path, the root being ``""`` or ``"."``. Raises FileError for one that leads elsewhere."""
    if path.startswith("/"):
        raise FileError("Name a path relative to the root, without a slash at its beginning.")
    if "\0" in path:
        raise FileError("A path has no NUL characters.")
    names = [name for name in path.split("/") if name not in ("", ".")]
    if ".." in names:
        raise FileError("A path may not contain '..'.")
    if len(names) > MAX_DEPTH:
        raise FileError(f"A path has {MAX_DEPTH} names at the most.")
    return names


class Root:
    """The folder whose files are served, held open: renaming it, or putting a link in its place, changes nothing."""

    def __init__(self, path: str) -> None:
        """Opens the folder, which may be named through links. Raises OSError where there is none."""
        self._fd = os.open(os.path.realpath(path), _OPEN_FOLDER)

    def close(self) -> None:
        os.close(self._fd)

    @contextmanager
    def folder(self, names: list[str], *, create: bool = False) -> Iterator[int]:
        """An open folder below the root, closed at the end; with ``create``, made where it is missing."""
        fd = os.dup(self._fd)
        try:
            for name in names:
                if create:
                    _make_folder(name, fd)
                below = _open_folder(name, fd)
                os.close(fd)
                fd = below
            yield fd
        finally:
            os.close(fd)

    @contextmanager
    def parent(self, path: str, *, create: bool = False) -> Iterator[tuple[int, str]]:
        """The open folder that holds what a path names, and its name in there."""
        names = split_path(path)
        if not names:
            raise FileError("Name a file, not the root itself.")
        with self.folder(names[:-1], create=create) as fd:
            yield fd, names[-1]


def _open_folder(name: str, parent: int) -> int:
    try:
        return os.open(name, _OPEN_FOLDER, dir_fd=parent)
    except OSError as error:
        raise describe(error, name) from error


def _make_folder(name: str, parent: int) -> None:
    try:
        os.mkdir(name, 0o755, dir_fd=parent)
    except FileExistsError:
        return
    except OSError as error:
        raise describe(error, name) from error


_REASONS = {
    errno.ENOENT: "does not exist",
    errno.ENOTDIR: "is not a folder",
    errno.EISDIR: "is a folder",
    errno.ELOOP: "is a symbolic link, and links are not followed",
    errno.EACCES: "may not be opened by this server",
    errno.EPERM: "may not be opened by this server",
    errno.ENAMETOOLONG: "has too long a name",
    errno.ENOSPC: "does not fit: the disk is full",
    errno.ENXIO: "is not a regular file",
}


def describe(error: OSError, name: str) -> FileError:
    """What went wrong, without the machine's own paths."""
    return FileError(f"{name!r} {_REASONS.get(error.errno or 0, 'cannot be used')}.")
