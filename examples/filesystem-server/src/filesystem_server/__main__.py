"""``python -m filesystem_server``: serves MCP over HTTP until it is stopped."""

from __future__ import annotations

import uvicorn

from .server import create_app
from .settings import read_settings


def main() -> None:
    settings = read_settings()
    print(f"Serving {settings.root.resolve()} at {settings.server_url}", flush=True)
    # With lifespan "auto", an option that is refused at startup would be a 500 for every request instead.
    uvicorn.run(create_app(settings), host=settings.host, port=settings.port, log_level="warning", lifespan="on")


if __name__ == "__main__":
    main()
