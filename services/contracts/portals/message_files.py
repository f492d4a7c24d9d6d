"""Files in conversations: a message that is a PDF or a picture, screened before anybody can read it."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from services.contracts.declare import PORTAL_REALMS, STAFF, permission, signed_in
from services.contracts.fields import Flag, Id
from services.contracts.files import FileReference, UploadedFile
from services.contracts.portals import contract
from services.contracts.portals.inbox import MyThread
from services.contracts.portals.messages import WORK
from services.contracts.portals.portal_queue import QueueItem
from services.contracts.portals.screened_files import REFUSALS

_FILE: dict[str, Any] = {"document": fields.Nested(UploadedFile, required=True)}
_ONE = {"message_id": Id(required=True)}
_OWN, _WORK = signed_in(*PORTAL_REALMS), permission(WORK, realms=STAFF)

send_my_file = contract.command(
    "send_my_file",
    "Write on in a conversation by a file: a PDF, or a picture as JPEG or PNG, of at most 10 MB. It is screened first; a picture is "
    "written anew. It counts as a message.",
    request={"thread_id": Id(required=True), **_FILE},
    reply=MyThread,
    access=_OWN,
    errors=("not_found", "too_many_requests", *REFUSALS),
    status=201,
    timeout_s=20,
)
open_my_message_file = contract.query(
    "open_my_message_file",
    "The file of a message in a conversation of the caller.",
    request=_ONE,
    reply=FileReference,
    access=_OWN,
    errors=("not_found",),
)
send_file_to_person = contract.command(
    "send_file_to_person",
    "Answer an item by a file: a PDF, or a picture as JPEG or PNG, of at most 10 MB. It is screened first. The item stays open. An "
    "e-mail says that a message waits, unless `notify` is false.",
    request={"item_id": Id(required=True), "notify": Flag(load_default=True), **_FILE},
    reply=QueueItem,
    access=_WORK,
    errors=("not_found", "item_archived", "no_portal_account", *REFUSALS),
    expects_version=True,
    status=201,
    timeout_s=20,
)
open_message_file = contract.query(
    "open_message_file",
    "The file of a message. Opening it is audited.",
    request=_ONE,
    reply=FileReference,
    access=_WORK,
    errors=("not_found",),
)
