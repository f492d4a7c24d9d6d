"""The resource directory: finding agencies, programs and sites, changing them by hand (S0-20)."""

from __future__ import annotations

from gateway.web.page import Action, Of, Page, Read
from services.contracts.referrals import directory, directory_exports

_LISTED = 50
_RESOURCE = "/staff/directory/{resource_id}"
_READ = {"resource": Read(directory.get_resource)}

PAGES = (
    Page(
        "/staff/directory",
        "staff/directory/list.html",
        reads={
            "found": Read(
                directory.search_resources,
                given={"limit": _LISTED},
                query=("q", "level", "include_inactive"),
                without=("invalid_request",),
            ),
            "resources": Read(
                directory.list_resources,
                given={"limit": _LISTED},
                query=("level", "agency_id", "status", "include_retired", "after"),
                without=("invalid_request",),
            ),
        },
        actions=(
            Action(
                "export_directory",
                directory_exports.export_directory,
                "The export has started. You can leave this page: it goes on.",
                then="/staff/directory/exports/{export_id}",
            ),
        ),
    ),
    Page(
        "/staff/directory/new",
        "staff/directory/new.html",
        reads={"agency": Read(directory.get_resource, query=("resource_id",), without=("not_found",))},
        actions=(
            Action(
                "create_resource",
                directory.create_resource,
                "It is in the directory.",
                then="/staff/directory/{id}",
            ),
        ),
    ),
    Page(
        "/staff/directory/exports/{export_id}",
        "staff/directory/export.html",
        reads={"export": Read(directory_exports.get_directory_export)},
    ),
    Page(
        _RESOURCE,
        "staff/directory/resource.html",
        reads={
            **_READ,
            "children": Read(
                directory.list_resources,
                given={"agency_id": Of("resource.id"), "limit": _LISTED},
                query=("include_retired", "after"),
            ),
        },
        watches=("resource:{resource_id}",),
    ),
    Page(
        f"{_RESOURCE}/edit",
        "staff/directory/edit.html",
        reads=_READ,
        actions=(
            Action(
                "edit_resource",
                directory.edit_resource,
                "The change of the directory is saved.",
                then=_RESOURCE,
            ),
        ),
    ),
    Page(
        f"{_RESOURCE}/message",
        "staff/directory/message.html",
        reads=_READ,
        actions=(
            Action(
                "set_temporary_message",
                directory.set_temporary_message,
                "The temporary message is saved.",
                then=_RESOURCE,
            ),
        ),
    ),
    Page(
        f"{_RESOURCE}/status",
        "staff/directory/status.html",
        reads=_READ,
        actions=(
            Action(
                "set_resource_status",
                directory.set_resource_status,
                "The status in the directory is changed.",
                then=_RESOURCE,
            ),
            Action(
                "retire_resource",
                directory.retire_resource,
                "It is taken out of the directory. Its referrals and its history stay.",
                then=_RESOURCE,
            ),
        ),
    ),
)
