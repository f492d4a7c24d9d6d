"""Pictures of every page as it is normally, on a phone and on a desk, light and dark: `make screenshots`.

They go to the folder `var/screenshots`, which is not in git, for a person to look at. ARGS="--all" takes every state. Two of a
running system go to `deploy/screenshots`, for the README; ARGS="--readme" takes these alone.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from tests.support import readme_pictures
from tests.support.browser import Browser, running_browser
from tests.support.shown_pages import ShownPages, address_of, served

FOLDER = Path(__file__).parents[2] / "var/screenshots"
WIDTHS = (360, 1280)
_TALLEST = 3000


def take(browser: Browser, folder: Path, *, is_all: bool) -> int:
    """Take the pictures. Returns how many there are."""
    folder.mkdir(parents=True, exist_ok=True)
    pages, taken = ShownPages(), 0
    with served(pages) as url:
        for scheme in ("light", "dark"):
            for width in WIDTHS:
                browser.open_page(width=width, height=800)
                browser.show_as(prefers_color_scheme=scheme)
                for shown in pages.every():
                    if not is_all and shown.state.name != "normal" and shown.state.errors == "none":
                        continue
                    browser.resize(width, 800)
                    browser.send("Page.navigate", url=url + address_of(shown))
                    browser.wait_for("document.readyState === 'complete'")
                    tall = browser.evaluate("document.documentElement.scrollHeight")
                    browser.resize(width, min(max(tall, 600), _TALLEST))
                    name = re.sub(r"[^a-z0-9]+", "-", str(shown).lower()).strip("-")
                    (folder / f"{name}-{width}-{scheme}.png").write_bytes(browser.picture())
                    taken += 1
    return taken


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="every state")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--readme", action="store_true", help="only those of the README")
    given = parser.parse_args()
    with running_browser() as browser:
        if not given.readme:
            print(f"{take(browser, given.folder, is_all=given.all)} pictures in {given.folder}")
        print(f"{readme_pictures.take(browser)} pictures in {readme_pictures.FOLDER}")


if __name__ == "__main__":
    main()
