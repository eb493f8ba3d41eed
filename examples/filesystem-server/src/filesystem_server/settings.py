"""What the server is told by its environment, or by a file ``.env`` beside where it is started."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Settings:
    auth_server: str
    server_id: str
    api_key: str
    server_url: str
    host: str
    root: Path
    validation: Literal["introspect", "local"]

    @property
    def port(self) -> int:
        return urlsplit(self.server_url).port or 3001

    @property
    def path(self) -> str:
        return urlsplit(self.server_url).path or "/"


def read_settings() -> Settings:
    """Raises SystemExit with one sentence where something is missing."""
    values = {**_read_env_file(Path(".env")), **os.environ}
    server_id, api_key = values.get("AUTH_AGENT_SERVER_ID"), values.get("AUTH_AGENT_API_KEY")
    if not server_id or not api_key:
        raise SystemExit(
            "AUTH_AGENT_SERVER_ID and AUTH_AGENT_API_KEY are missing: run `node ../register.mjs` to get them."
        )
    validation = values.get("VALIDATION", "local")
    if validation not in ("introspect", "local"):
        raise SystemExit("VALIDATION is either introspect or local.")
    server_url = values.get("SERVER_URL", "http://localhost:3001/mcp")
    if urlsplit(server_url).scheme not in ("http", "https"):
        raise SystemExit("SERVER_URL is a whole URL, such as http://localhost:3001/mcp.")
    return Settings(
        auth_server=values.get("AUTH_AGENT_URL", "http://localhost:8787"),
        server_id=server_id,
        api_key=api_key,
        server_url=server_url,
        host=values.get("HOST", "127.0.0.1"),
        root=Path(values.get("ROOT", "./files")),
        validation="local" if validation == "local" else "introspect",
    )


def _read_env_file(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, value in pairs}
