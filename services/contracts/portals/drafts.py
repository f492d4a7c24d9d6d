"""Drafts of portals: edited and looked at before anybody else sees them, then published; earlier versions are kept."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import STAFF, Reply, Request, permission
from services.contracts.fields import LARGEST, CalendarMoment, Flag, Moment, number_of, one_of
from services.contracts.files import UploadedFile
from services.contracts.portals import contract
from services.contracts.portals.configuration import (
    LANGUAGES,
    PortalContent,
    PortalHome,
    TickerMessage,
    settings_members,
)
from services.contracts.portals.definitions import KINDS, Suffix
from services.contracts.portals.local_text import AnyText

FORMAT = "portico-portal-1"
_CONFIGURE = permission("portal.configure", realms=STAFF)
_PORTAL = {"portal": Suffix(required=True)}
_NUMBER = number_of(1_000_000, required=True)

Settings = type("Settings", (Request,), settings_members())


class Difference(Reply):
    """A place where the draft differs from what is published. Null: it is not there."""

    path = fields.String(required=True)
    before = fields.String(required=True, allow_none=True)
    after = fields.String(required=True, allow_none=True)


class Warned(Reply):
    """Something to look at, which refuses nothing."""

    path = fields.String(required=True)
    text = fields.String(required=True)


class Version(Reply):
    """A version that was published, or will be at `published_at`. Number 1 is the default."""

    number = fields.Integer(required=True)
    published_at = Moment(required=True)
    published_by = fields.String(required=True)
    is_shown = Flag(required=True)
    is_scheduled = Flag(required=True)


class Draft(PortalContent):
    """All that a portal will show once its draft is published. `version` counts the changes of the draft.

    Without a draft (`is_drafted`) it is what was published last, as `published_number`. With `needs_approval` somebody publishes
    it who has not changed it (`may_publish`).
    """

    name = AnyText(required=True)
    colour = fields.String(required=True)
    ticker = fields.List(fields.Nested(TickerMessage), required=True)
    is_drafted = Flag(required=True)
    published_number = fields.Integer(required=True)
    needs_approval = Flag(required=True)
    may_publish = Flag(required=True)
    scheduled = fields.Nested(Version, required=True, allow_none=True)
    differences = fields.List(fields.Nested(Difference), required=True)
    warnings = fields.List(fields.Nested(Warned), required=True)


get_portal_draft = contract.query(
    "get_portal_draft",
    "The draft of a portal, how it differs from what is published, and what to look at before it is.",
    request=_PORTAL,
    reply=Draft,
    access=_CONFIGURE,
    errors=("not_found",),
)

get_portal_sample = contract.query(
    "get_portal_sample",
    "The start page as it will be with the draft (S2-47): what `get_portal_home` would answer if it were published now.",
    request={**_PORTAL, **LANGUAGES},
    reply=PortalHome,
    access=_CONFIGURE,
    errors=("not_found",),
)

change_portal_draft = contract.command(
    "change_portal_draft",
    "Change the draft of a portal. Only what is given changes, each list as a whole; nobody else sees it before it is published.",
    request={**_PORTAL, **settings_members()},
    reply=Draft,
    access=_CONFIGURE,
    errors=("not_found", "forbidden"),
    expects_version=True,
)

discard_portal_draft = contract.command(
    "discard_portal_draft",
    "Throw the draft of a portal away. What is published stays.",
    request=_PORTAL,
    reply=Draft,
    access=_CONFIGURE,
    errors=("not_found",),
    expects_version=True,
)

publish_portal_draft = contract.command(
    "publish_portal_draft",
    "Publish the draft of a portal: the next read shows it, or from `publish_at` on every read.",
    request={**_PORTAL, "publish_at": CalendarMoment(load_default=None, allow_none=True)},
    reply=Version,
    access=_CONFIGURE,
    errors=("not_found", "nothing_to_publish", "approval_required", "publication_scheduled"),
    expects_version=True,
)

cancel_publication = contract.command(
    "cancel_publication",
    "Take a publication back whose time has not come. What it would have shown is the draft again.",
    request=_PORTAL,
    reply=Draft,
    access=_CONFIGURE,
    errors=("not_found",),
    expects_version=True,
)

list_portal_versions = contract.query(
    "list_portal_versions",
    "The versions of a portal that were published, newest first.",
    request={
        **_PORTAL,
        "after": fields.Integer(load_default=None, allow_none=True, validate=validate.Range(1, LARGEST)),
        "limit": number_of(200, load_default=50),
    },
    reply={
        "items": fields.List(fields.Nested(Version), required=True),
        "next": fields.Integer(required=True, allow_none=True),
    },
    access=_CONFIGURE,
    errors=("not_found",),
)

restore_portal_version = contract.command(
    "restore_portal_version",
    "Take an earlier version as the draft, to look at and publish again. What was drafted is replaced.",
    request={**_PORTAL, "number": _NUMBER},
    reply=Draft,
    access=_CONFIGURE,
    errors=("not_found", "forbidden"),
    expects_version=True,
)

export_portal = contract.query(
    "export_portal",
    "All that was configured of a portal, as a file: its draft, or else what is published. Images are named by their ids.",
    request=_PORTAL,
    reply={
        "format": one_of((FORMAT,), required=True),
        "kind": one_of(KINDS, required=True),
        "settings": fields.Nested(Settings, required=True),
    },
    access=_CONFIGURE,
    errors=("not_found",),
)

import_portal = contract.command(
    "import_portal",
    "Take the file of an export as the draft of a portal of the same kind. Every problem of the file is told at once.",
    request={**_PORTAL, "document": fields.Nested(UploadedFile, required=True)},
    reply=Draft,
    access=_CONFIGURE,
    errors=("not_found", "forbidden", "request_too_large"),
    expects_version=True,
)
