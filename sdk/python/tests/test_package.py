"""What is installed is what is here: a wheel with types, and no dependency but those that are named."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_a_wheel_builds_and_is_complete(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = tmp_path.glob("auth_agent_mcp-*-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (metadata_name,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(archive.read(metadata_name).decode())
    modules = {f"auth_agent_mcp/{path.name}" for path in (ROOT / "src" / "auth_agent_mcp").glob("*.py")}
    assert modules | {"auth_agent_mcp/py.typed"} <= names
    assert not any(name.startswith("tests") for name in names)
    required = metadata.get_all("Requires-Dist") or []
    assert sorted(each.split(">")[0].split("<")[0] for each in required if "extra ==" not in each) == [
        "cryptography",
        "httpx",
    ]
    assert metadata["Requires-Python"] == ">=3.10"


def test_the_package_imports_without_its_extras() -> None:
    hidden = ("fastapi", "starlette", "mcp", "fastmcp", "pydantic")
    code = f"import sys; sys.modules.update(dict.fromkeys({hidden!r})); import auth_agent_mcp; print(len(sys.modules))"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
