"""The portals of the organisation: whom they admit and how they look, with a sample before it is saved (S2-37, S2-54)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.web.page import Action, Of, Page, Read
from gateway.web.states import State
from services.contracts.identity import realms
from services.contracts.notifications import templates
from services.contracts.portals import consents, definitions, drafts, images, questionnaires

_PORTAL = "/staff/portals/{portal}"

_DRAFT = {"draft": Read(drafts.get_portal_draft)}
# A module or a panel can lead to a questionnaire of the portal's picklist (S2-64, S2-81).
_OFFERED = {"offered": Read(questionnaires.get_offered_questionnaires, needs="questionnaire.manage")}
_SAVED = "The draft is saved. Publish it when it is ready."


def _draft(part: str, *more: Action, reads: Mapping[str, Read] | None = None, **options: Any) -> Page:
    """A page with the form of one part of a portal's draft."""
    change = Action("change_portal_draft", drafts.change_portal_draft, _SAVED, **options)
    template = f"staff/portals/{part.replace('-', '_')}.html"
    return Page(f"{_PORTAL}/{part}", template, reads={**_DRAFT, **(reads or {})}, actions=(change, *more))


PAGES = (
    Page(
        "/staff/portals",
        "staff/portals/list.html",
        reads={
            "portals": Read(definitions.list_portals),
            "hosts": Read(definitions.get_portal_hosts, needs="organisation.manage"),
        },
        actions=(
            Action(
                "set_portal_hosts",
                definitions.set_portal_hosts,
                "The hosts are saved. Portals may lead to their pages after signing out.",
            ),
        ),
    ),
    Page(
        "/staff/portals/new",
        "staff/portals/new.html",
        actions=(
            Action(
                "create_portal",
                definitions.create_portal,
                "The portal is there. It is off until you enable it.",
                then=_PORTAL,
            ),
        ),
    ),
    Page(
        _PORTAL,
        "staff/portals/portal.html",
        reads={
            "portal": Read(definitions.describe_portal),
            **_DRAFT,
            "roles": Read(
                realms.list_roles, given={"realm": Of("portal.realm")}, needs="organisation.manage"
            ),
        },
        actions=(
            Action("change_portal", definitions.change_portal, "The portal is saved. It holds at once."),
        ),
    ),
    _draft("look", trial="sample", tries=drafts.get_portal_draft),
    _draft("news"),
    _draft("words"),
    _draft("pages"),
    _draft("modules", reads=_OFFERED),
    _draft("resources", reads=_OFFERED),
    _draft("support"),
    _draft("more"),
    _draft(
        "images",
        Action("upload_portal_image", images.upload_portal_image, "The image is there. Choose it now."),
        Action("use_stock_image", images.use_stock_image, "The picture is there. Choose it now."),
        reads={"images": Read(images.list_portal_images)},
    ),
    # The name is the one by which the frame of all pages finds the portal's colour: that of the draft.
    Page(
        f"{_PORTAL}/sample",
        "staff/portals/sample.html",
        reads={
            **_DRAFT,
            "portal": Read(drafts.get_portal_sample, query=("languages",)),
            "mail": Read(
                templates.sample_portal_mail,
                given={
                    "organisation_name": Of("me.organisation_name"),
                    "portal_name": Of("portal.name"),
                    "product_name": Of("portal.product_name"),
                },
                query=("language",),
            ),
        },
        states=(
            State("sign-in", query={"part": "sign_in"}),
            State("e-mail", query={"part": "mail"}),
            State("no permission", query={"part": "no_permission"}),
            State("sent", query={"part": "confirmation"}),
            State(
                "of applicants",
                query={"part": "sign_in"},
                replies={drafts.get_portal_sample: {"kind": "applicant"}},
            ),
        ),
    ),
    Page(
        f"{_PORTAL}/publish",
        "staff/portals/publish.html",
        reads={**_DRAFT, "versions": Read(drafts.list_portal_versions, query=("after",))},
        actions=(
            Action(
                "publish_portal_draft",
                drafts.publish_portal_draft,
                "The portal is published. Its next page shows it, or its page at the time that you chose.",
            ),
            Action(
                "discard_portal_draft",
                drafts.discard_portal_draft,
                "The draft is thrown away. What is published stays.",
            ),
            Action(
                "cancel_publication",
                drafts.cancel_publication,
                "The publication is taken back. What it would have shown is the draft again.",
            ),
            Action("restore_portal_version", drafts.restore_portal_version, _SAVED),
            Action("import_portal", drafts.import_portal, _SAVED),
        ),
    ),
    Page(
        f"{_PORTAL}/go-live",
        "staff/portals/go_live.html",
        reads={**_DRAFT, "portal": Read(definitions.describe_portal)},
    ),
    Page(
        f"{_PORTAL}/consents",
        "staff/portals/consents.html",
        reads={
            "portal": Read(definitions.describe_portal),
            "required": Read(consents.get_required_consents),
            "consents": Read(consents.list_consents, given={"limit": 200}),
        },
        actions=(
            Action(
                "require_consents",
                consents.require_consents,
                "The portal is saved. Who has not signed is asked before anything else.",
                then=_PORTAL,
            ),
        ),
    ),
)
