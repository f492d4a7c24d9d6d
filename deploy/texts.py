"""The texts of pages for people outside the staff, written into each language's catalogue by Babel (`make texts`).

A new text comes in without a translation, one that no page has any more goes out. The tests ask
whether that was done.
"""

from __future__ import annotations

import contextlib
import sys
from io import BytesIO, StringIO
from pathlib import Path

from babel.messages import pofile
from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg

ROOT = Path(__file__).parent.parent
_WEB = ROOT / "gateway" / "web"
LOCALE = _WEB / "locale"
# Beside gettext's own: what a page tells as done, and the title of a help page.
_KEYWORDS = DEFAULT_KEYWORDS | {"text": None, "Task": (2,), "Action": (3,)}


def used() -> Catalog:
    """The texts that the pages have."""
    with (_WEB / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]
    found = Catalog(fuzzy=False)
    # Babel warns of every other function that is called `text` or `Action` and gets something else.
    with contextlib.redirect_stderr(StringIO()):
        for _file, _line, text, _comments, _context in extract_from_dir(_WEB, methods, options, _KEYWORDS):
            if text:
                found.add(text)
    return found


def written(language: str, texts: Catalog) -> bytes:
    """The catalogue of a language with exactly these texts, and the translations that there are."""
    path = LOCALE / language / "pages.po"
    with path.open("rb") as file:
        catalogue = pofile.read_po(file, locale=language)
    catalogue.update(texts, no_fuzzy_matching=True, update_creation_date=False)
    catalogue.obsolete.clear()
    catalogue.fuzzy = False
    out = BytesIO()
    pofile.write_po(out, catalogue, width=120, ignore_obsolete=True)
    return out.getvalue()


def main() -> None:
    """Write the catalogues and tell what has no translation."""
    texts = used()
    for folder in sorted(LOCALE.iterdir()):
        path = folder / "pages.po"
        path.write_bytes(written(folder.name, texts))
        for text in untranslated(path):
            sys.stdout.write(f"{path.relative_to(ROOT)}: no translation of {text!r}\n")


def untranslated(path: Path) -> list[str]:
    """The texts of a catalogue that have no translation."""
    with path.open("rb") as file:
        found = pofile.read_po(file)
    return [
        text if isinstance(text, str) else text[0]
        for text, said in ((each.id, each.string) for each in found if each.id)
        if not (said if isinstance(said, str) else said and all(said))
    ]


if __name__ == "__main__":
    main()
