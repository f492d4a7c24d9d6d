"""Imports of a resource directory: what a file would do, its import with progress, what was refused and where."""

from __future__ import annotations

from gateway.web.page import Action, Page, Read
from services.contracts.referrals import directory_imports

_IMPORT = "/staff/directory/imports/{import_id}"

PAGES = (
    Page(
        "/staff/directory/imports",
        "staff/directory/imports.html",
        reads={
            "imports": Read(directory_imports.list_directory_imports, given={"limit": 25}, query=("after",))
        },
        actions=(
            Action(
                "import_directory",
                directory_imports.import_directory,
                "The file was tried. Nothing is imported yet.",
                then=_IMPORT,
                given={"dry_run": True},
            ),
        ),
        watches=("import:*",),
    ),
    Page(
        _IMPORT,
        "staff/directory/import.html",
        reads={"report": Read(directory_imports.get_directory_import)},
        actions=(
            Action(
                "apply_directory_import",
                directory_imports.apply_directory_import,
                "The import has started. You can leave this page: it goes on.",
                then="/staff/directory/imports/{import_id}",
            ),
        ),
    ),
)
