"""What a gateway serves: the API, the pages, or both; and the API alone where the pages' packages are missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from gateway.app import create_app
from gateway.web import assets

CHECKOUT = Path(__file__).parents[3]
API_ALONE = """
import sys
from types import SimpleNamespace
from gateway.app import create_app
settings = SimpleNamespace(gateway_serves="api", blob_dir=sys.argv[1], blob_s3_bucket=None, **dict.fromkeys(
    ("max_upload_bytes", "max_stored_bytes", "unused_files_kept_hours", "rpc_timeout_s", "gateway_threads",
     "api_requests_a_minute"), 5),
    trusted_proxies=(), public_url=None, pages_key_file=None, demo_front_door_file=None, live_url=None)
http = create_app(settings, SimpleNamespace(is_connected=True)).test_client()
assert not [name for name in sys.modules if name.startswith("gateway.web")], "a template was loaded"
print(http.get("/openapi.json").status_code, http.get("/sign-in").status_code, http.get("/").status_code)
"""


def served(tmp_path: Path, what: str) -> list[int]:
    settings = SimpleNamespace(
        gateway_serves=what,
        blob_dir=str(tmp_path),
        blob_s3_bucket=None,
        max_upload_bytes=5,
        max_stored_bytes=5,
        unused_files_kept_hours=5,
        rpc_timeout_s=5,
        gateway_threads=5,
        api_requests_a_minute=5,
        trusted_proxies=(),
        public_url=None,
        pages_key_file=None,
        demo_front_door_file=None,
        live_url=None,
    )
    http = create_app(settings, SimpleNamespace(is_connected=True)).test_client()  # type: ignore[arg-type]
    return [http.get(path).status_code for path in ("/openapi.json", "/v1/me", "/sign-in")]


def test_a_gateway_for_programs_loads_no_page(tmp_path: Path):
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", API_ALONE, str(tmp_path)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.stdout.split()[-3:] == ["200", "404", "302"], run.stderr  # `/` leads to the documentation


def test_a_gateway_for_people_serves_pages_and_no_api(tmp_path: Path):
    assert served(tmp_path, "all") == [200, 401, 200]
    assert served(tmp_path, "pages") == [404, 404, 200]


def test_without_the_packages_of_the_pages_the_api_is_served_and_the_log_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setitem(assets.FILES, "bootstrap.css", (tmp_path / "nowhere.js", "text/css"))

    assert served(tmp_path, "all") == [200, 401, 404]
    told = capsys.readouterr().out
    assert "pages_not_served" in told
    assert "bootstrap.css" in told
    assert "deploy/setup.sh" in told
