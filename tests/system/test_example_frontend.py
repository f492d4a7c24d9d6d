"""The example of a web frontend elsewhere: its types are made from OpenAPI, the compiler holds it to them, and people use it."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import orjson
import pytest

from gateway import documentation
from gateway.api import ROUTES
from tests.support.browser import Browser
from tests.support.stack import ADMIN, BAYSIDE, HARBOR, RunningStack

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


class _Quietly(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """An origin of its own that serves the folder."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quietly, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://localhost:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def sign_in(page: Browser, portico: RunningStack, organisation: str, login: str) -> str:
    """Fill in the form and send it, by keyboard; what the page then shows."""
    given = (portico.stack.public_url, organisation, login, portico.password_of(login))
    page.wait_for("document.readyState === 'complete' && location.protocol === 'http:'")
    page.evaluate("document.querySelector('output').textContent = ''")
    page.evaluate("document.querySelector('[name=url]').focus()")
    for text in given:
        page.evaluate("document.activeElement.select()")
        page.type(text)
        page.press("Tab")
    page.press("Enter")
    return str(page.wait_for("document.querySelector('output').textContent"))


def test_a_person_signs_in_where_the_organisation_lets_the_origin_in(
    built: Path, portico: RunningStack, chromium: Browser
) -> None:
    queue = portico.admin.post("/v1/queues", name="Shown elsewhere")
    with served(built) as stranger, served(built) as known:
        allowed = portico.admin.get("/v1/organisation/web-origins")
        portico.admin.put(
            "/v1/organisation/web-origins", version=allowed["version"], origins=[*allowed["origins"], known]
        )
        chromium.open_page()
        chromium.go(stranger)
        assert "Does the organisation let" in sign_in(chromium, portico, HARBOR, ADMIN)
        chromium.go(known)
        told = sign_in(chromium, portico, HARBOR, ADMIN)
        assert told.startswith("Harbor County: ")
        assert queue["name"] in told
        # Another organisation has not let it in: its accounts are refused, and told why.
        told = sign_in(chromium, portico, BAYSIDE, f"admin@{BAYSIDE}.example.org")
        assert "Bayside County" not in told
        assert "origin" in told
        assert chromium.send("Network.getAllCookies")["cookies"] == []
        assert chromium.evaluate("Object.keys(localStorage).length + Object.keys(sessionStorage).length") == 0
        assert chromium.evaluate("faults") == []
