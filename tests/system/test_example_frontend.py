"""The example of a web frontend elsewhere: typed from OpenAPI, and let in by the organisation, in a real browser."""

from __future__ import annotations

import functools
import http.server
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway import documentation
from gateway.api import ROUTES
from tests.support.browser import PROGRAM, Browser
from tests.support.stack import HARBOR, RunningStack

EXAMPLE = Path(__file__).resolve().parents[2] / "deploy/examples/frontend"
ADMIN = f"admin@{HARBOR}.example.org"


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


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def elsewhere(built: Path) -> Iterator[str]:
    """The origin at which the example is served."""
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(_Quiet, directory=str(built))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")
def test_a_page_elsewhere_signs_in_and_reads_once_its_origin_is_named(
    portico: RunningStack, chromium: Browser, elsewhere: str
) -> None:
    admin = portico.log_in(HARBOR, ADMIN)

    def sign_in() -> None:
        values = {
            "url": portico.url,
            "organisation": HARBOR,
            "login": ADMIN,
            "password": portico.password_of(ADMIN),
        }
        fill = "; ".join(
            f"document.querySelector('[name={name}]').value = {value!r}" for name, value in values.items()
        )
        chromium.evaluate(
            f"{fill}; window.failed = false; addEventListener('unhandledrejection', () => {{ window.failed = true }}); "
            "document.querySelector('form').requestSubmit()"
        )

    named = admin.get("/v1/organisation/web-origins")
    admin.put("/v1/organisation/web-origins", version=named["version"], origins=[elsewhere])
    chromium.open_page()
    chromium.go(elsewhere.replace("127.0.0.1", "localhost") + "/index.html")  # an origin that is not named
    sign_in()
    chromium.wait_for("window.failed")  # the browser keeps the answer from a page that is not let in
    assert chromium.evaluate("document.querySelector('output').textContent") == ""

    chromium.go(elsewhere + "/index.html")
    sign_in()
    chromium.wait_for("document.querySelector('output').textContent !== ''")
    assert chromium.evaluate("document.querySelector('output').textContent").startswith("Harbor County: ")
    assert chromium.evaluate("document.cookie") == ""
    named = admin.get("/v1/organisation/web-origins")
    admin.put("/v1/organisation/web-origins", version=named["version"], origins=[])
