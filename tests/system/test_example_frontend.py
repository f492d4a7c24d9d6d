"""The example of a web frontend elsewhere: its types are made from OpenAPI, and the compiler holds it to them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import orjson
import pytest

from gateway import documentation
from gateway.api import ROUTES

EXAMPLE = Path(__file__).resolve().parents[2] / "deploy/examples/frontend"


def npm(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["npx", "--no-install", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with its types made and its scripts built."""
    if shutil.which("npm") is None:
        pytest.skip("there is no npm on this machine")
    folder = tmp_path_factory.mktemp("frontend") / "frontend"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("node_modules", "built"))
    fetched = subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund", "--prefer-offline"],
        cwd=folder,
        capture_output=True,
        timeout=150,
        check=False,
    )
    if fetched.returncode:
        pytest.skip("the compiler cannot be fetched")
    (folder / "openapi.json").write_bytes(orjson.dumps(documentation.openapi(ROUTES)))
    made = npm(folder, "openapi-typescript", "openapi.json", "--output", "src/portico.d.ts")
    assert made.returncode == 0, made.stderr
    compiled = npm(folder, "tsc")
    assert compiled.returncode == 0, compiled.stdout
    return folder


def test_the_compiler_finds_what_the_api_does_not_have(built: Path) -> None:
    trial = built / "src/wrong.ts"
    trial.write_text(
        'import { Portico } from "./api.js";\n'
        'const portico = new Portico("");\n'
        'portico.call("get", "/v1/nothing");\n'
        'portico.call("post", "/v1/sessions", { body: { organisation: 7, login: "", password: "" } });\n'
        'portico.call("get", "/v1/me").then((me) => me.surname);\n'
        'portico.call("get", "/v1/me").then((me) => me.organisation_name);\n'
    )
    compiled = npm(built, "tsc", "--noEmit")
    trial.unlink()
    assert compiled.returncode != 0
    assert [line.partition(",")[0] for line in compiled.stdout.splitlines() if line.startswith("src/")] == [
        "src/wrong.ts(3",
        "src/wrong.ts(4",
        "src/wrong.ts(5",
    ]
