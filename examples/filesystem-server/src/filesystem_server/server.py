"""The MCP server: five tools, and the three lines that protect them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from auth_agent_mcp import AuthAgentMiddleware
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from starlette.applications import Starlette

from . import files
from .files import Entry, Match
from .paths import FileError, Root
from .settings import Settings

TOOL_SCOPES = {
    "list_files": ["files:read"],
    "read_file": ["files:read"],
    "search_files": ["files:read"],
    "write_file": ["files:write"],
    "delete_file": ["files:write"],
}


def create_app(settings: Settings) -> Starlette:
    """An ASGI application that serves MCP at the path of ``settings.server_url``."""
    settings.root.mkdir(parents=True, exist_ok=True)
    server = create_server(Root(str(settings.root)))
    app = server.streamable_http_app(streamable_http_path=settings.path)
    app.add_middleware(
        AuthAgentMiddleware,
        server_id=settings.server_id,
        api_key=settings.api_key,
        auth_server=settings.auth_server,
        validation=settings.validation,
        required_scopes=["files:read"],
        tool_scopes=TOOL_SCOPES,
        # Who may change files may read them.
        scope_hierarchy={"files:write": ["files:read"]},
    )
    return app


def create_server(root: Root) -> MCPServer:
    """The tools. They know nothing of authorization: a call that is not allowed does not reach them."""
    server = MCPServer(
        "filesystem-server",
        instructions="Files below one folder. Paths are relative to it.",
        # At INFO it also shows each question of httpx for revocations: one every ten seconds.
        log_level="WARNING",
    )

    @server.tool()
    def list_files(path: str = "") -> list[Entry]:
        """List a folder: its files with their sizes, and the folders in it."""
        with _explained():
            return files.list_files(root, path)

    @server.tool()
    def read_file(path: str) -> str:
        """Read a text file."""
        with _explained():
            return files.read_file(root, path)

    @server.tool()
    def search_files(text: str, path: str = "") -> list[Match]:
        """Find the lines that contain a text, in all files below a folder."""
        with _explained():
            return files.search_files(root, text, path)

    @server.tool()
    def write_file(path: str, content: str) -> str:
        """Write a text file, in place of the one that is there."""
        with _explained():
            return f"Wrote {files.write_file(root, path, content)} bytes to {path}."

    @server.tool()
    def delete_file(path: str) -> str:
        """Delete a file."""
        with _explained():
            files.delete_file(root, path)
            return f"Deleted {path}."

    return server


@contextmanager
def _explained() -> Iterator[None]:
    """What goes wrong with a file is the tool's answer, in a sentence; anything else is a fault of ours."""
    try:
        yield
    except FileError as error:
        raise ToolError(str(error)) from error
