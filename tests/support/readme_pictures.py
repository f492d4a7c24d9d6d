"""The pictures in the README: the provider's start page and the signing page of a running system, with made-up people."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from tests.support.browser import Browser
from tests.support.stack import HARBOR, RunningStack, running_stack

FOLDER = Path(__file__).parents[2] / "deploy/screenshots"
LARGEST = 60_000  # bytes of one picture
_SIZE = (1120, 720)
_COLOURS = 64
_PROVIDER = "pat@shelter.example.org"
_PEOPLE = ("Quimby", "Okafor", "Lindqvist", "Marsh", "Tran")


def take(browser: Browser, folder: Path = FOLDER) -> int:
    """Take the pictures. Returns how many there are. Raises ValueError for one that is too large for git."""
    folder.mkdir(parents=True, exist_ok=True)
    with running_stack() as portico:
        document = _fill(portico)
        browser.open_page(width=_SIZE[0], height=_SIZE[1])
        _sign_in(browser, portico)
        pages = {"provider": "/provider", "signing": f"/signing/{document}"}
        for name, path in pages.items():
            browser.go(portico.stack.public_url + path)
            browser.wait_for(
                "document.readyState === 'complete' && [...document.images].slice(0, 1).every(it => it.naturalWidth > 1)"
            )
            file = folder / f"{name}.png"
            Image.open(io.BytesIO(browser.picture())).convert("RGB").quantize(_COLOURS).save(
                file, optimize=True
            )
            if file.stat().st_size > LARGEST:
                raise ValueError(f"{file}: {file.stat().st_size} bytes")
    return len(pages)


def _fill(portico: RunningStack) -> str:
    """A shelter with referrals and a document. The document's id."""
    portico.import_sample()
    journey = portico.journey()
    program = journey.find_program("Night Shelter")
    journey.create_queue([program])
    journey.set_capacity(program, 12)
    account, _ = portico.create_provider(_PROVIDER, [program["id"]])
    records = [journey.enter_record(last_name=name) for name in _PEOPLE]
    for record in records:
        journey.assign(record, program)
    return str(journey.send_document(records[0], account)["id"])


def _sign_in(browser: Browser, portico: RunningStack) -> None:
    browser.go(f"{portico.stack.public_url}/at/{HARBOR}/provider")
    browser.wait_for("document.activeElement.id === 'sign_in-login'")
    browser.type(_PROVIDER)
    browser.tab_to("sign_in-password")
    browser.type(portico.password_of(_PROVIDER))
    browser.press("Enter")
    browser.wait_for("location.pathname === '/provider' && document.readyState === 'complete'")
