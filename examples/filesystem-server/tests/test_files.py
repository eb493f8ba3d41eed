"""The root cannot be left, whatever is asked and whatever lies in it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from filesystem_server import files
from filesystem_server.paths import FileError, Root


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.txt").write_text("top secret")
    inside = tmp_path / "root"
    (inside / "notes" / "deep").mkdir(parents=True)
    (inside / "readme.txt").write_text("first line\nhello world\n")
    (inside / "notes" / "deep" / "todo.txt").write_text("say hello\n")
    return inside


@pytest.fixture
def root(folder: Path) -> Iterator[Root]:
    opened = Root(str(folder))
    yield opened
    opened.close()


def test_lists_a_folder_in_the_order_of_its_names(root: Root) -> None:
    listed = [(entry.name, entry.kind, entry.size) for entry in files.list_files(root)]
    assert listed == [("notes", "folder", 0), ("readme.txt", "file", 23)]
    assert [entry.name for entry in files.list_files(root, "notes/deep")] == ["todo.txt"]


def test_reads_a_file(root: Root) -> None:
    assert files.read_file(root, "notes/./deep//todo.txt") == "say hello\n"


def test_finds_lines(root: Root) -> None:
    found = [(match.path, match.line, match.text) for match in files.search_files(root, "hello")]
    assert found == [("readme.txt", 2, "hello world"), ("notes/deep/todo.txt", 1, "say hello")]
    assert [match.path for match in files.search_files(root, "hello", "notes")] == ["notes/deep/todo.txt"]


def test_writes_a_file_whole_and_makes_the_folders_above_it(root: Root, folder: Path) -> None:
    assert files.write_file(root, "new/here.txt", "caf\u00e9") == 5
    assert files.write_file(root, "new/here.txt", "again") == 5
    assert (folder / "new" / "here.txt").read_text() == "again"
    assert [entry.name for entry in files.list_files(root, "new")] == ["here.txt"]


def test_deletes_a_file(root: Root, folder: Path) -> None:
    files.delete_file(root, "readme.txt")
    assert not (folder / "readme.txt").exists()


@pytest.mark.parametrize(
    "path",
    [
        "../outside/secret.txt",
        "notes/../../outside/secret.txt",
        "/etc/passwd",
        "..",
        "notes/..",
        "a\0b",
        "d/" * 65 + "f",
    ],
)
def test_refuses_a_path_that_leads_out(root: Root, path: str) -> None:
    for use in (files.read_file, files.list_files, files.delete_file):
        with pytest.raises(FileError):
            use(root, path)
    with pytest.raises(FileError):
        files.write_file(root, path, "mine")
    with pytest.raises(FileError):
        files.search_files(root, "secret", path)


def test_a_name_with_dots_is_a_name(root: Root) -> None:
    files.write_file(root, "..hidden", "x")
    files.write_file(root, "a..b", "x")
    assert files.read_file(root, "..hidden") == "x"


@pytest.mark.parametrize("link", ["secret-link", "folder-link/secret.txt"])
def test_follows_no_link(root: Root, folder: Path, link: str) -> None:
    (folder / "secret-link").symlink_to("../outside/secret.txt")
    (folder / "folder-link").symlink_to("../outside")
    for use in (files.read_file, files.delete_file):
        with pytest.raises(FileError):
            use(root, link)
    with pytest.raises(FileError):
        files.write_file(root, link, "overwritten")
    assert (folder.parent / "outside" / "secret.txt").read_text() == "top secret"
    assert files.search_files(root, "top secret") == []
    assert {entry.kind for entry in files.list_files(root) if entry.name.endswith("-link")} == {"link"}


def test_never_leaves_the_root_while_somebody_swaps_a_folder_for_a_link(root: Root, folder: Path) -> None:
    """The race between a check and its use: the folder is a link at one moment and a folder at the next."""
    (folder / "swap").mkdir()
    (folder / "swap" / "secret.txt").write_text("harmless")
    done = threading.Event()

    def swap() -> None:
        while not done.is_set():
            os.rename(folder / "swap", folder / "aside")
            os.symlink("../outside", folder / "swap")
            os.unlink(folder / "swap")
            os.rename(folder / "aside", folder / "swap")

    swapper = threading.Thread(target=swap)
    swapper.start()
    seen = set()
    try:
        for _ in range(3000):
            try:
                seen.add(files.read_file(root, "swap/secret.txt"))
                files.delete_file(root, "swap/secret.txt")
            except FileError:
                pass
    finally:
        done.set()
        swapper.join()
    assert seen <= {"harmless"}
    assert (folder.parent / "outside" / "secret.txt").read_text() == "top secret"


def test_refuses_what_is_no_regular_file(root: Root, folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    for path in ("pipe", "notes"):
        with pytest.raises(FileError, match="regular file"):
            files.read_file(root, path)
        with pytest.raises(FileError, match="regular file"):
            files.write_file(root, path, "x")
        with pytest.raises(FileError, match="regular file"):
            files.delete_file(root, path)


def test_refuses_what_is_too_large_or_no_text(root: Root, folder: Path) -> None:
    (folder / "large.txt").write_bytes(b"x" * (files.MAX_FILE_BYTES + 1))
    (folder / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileError, match="more than"):
        files.read_file(root, "large.txt")
    with pytest.raises(FileError, match="not text"):
        files.read_file(root, "binary")
    with pytest.raises(FileError, match="at the most"):
        files.write_file(root, "large2.txt", "x" * (files.MAX_FILE_BYTES + 1))
    assert not (folder / "large2.txt").exists()
    assert files.search_files(root, "x") == []


def test_says_what_is_missing_without_the_machines_own_paths(root: Root, folder: Path) -> None:
    with pytest.raises(FileError) as refused:
        files.read_file(root, "nowhere/file.txt")
    assert str(refused.value) == "'nowhere' does not exist."
    assert str(folder) not in str(refused.value)


def test_serves_the_folder_that_it_opened_even_after_a_link_took_its_place(root: Root, folder: Path) -> None:
    folder.rename(folder.parent / "moved")
    folder.symlink_to("outside")
    assert files.read_file(root, "readme.txt").startswith("first line")
