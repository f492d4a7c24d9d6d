"""How a portal presents itself."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from services.contracts.declare import PUBLIC, SIGNED_IN, STAFF, Reply, Request, only_services, permission
from services.contracts.fields import (
    CalendarMoment,
    Code,
    Count,
    EmailAddress,
    Flag,
    Id,
    Telephone,
    Text,
    number_of,
    one_of,
)
from services.contracts.identity.realms import REALMS
from services.contracts.portals import contract
from services.contracts.portals.definitions import KINDS, Suffix
from services.contracts.portals.local_text import AnyText

COLOUR = validate.Regexp(
    r"#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})\Z", error="A colour is # and three or six hexadecimal digits."
)


# Parts of a person's record that the person may change, if the portal says so (S2-129).
SECTIONS = ("immunizations", "allergies", "medications")
# Words of a portal's own pages that an organisation may say in its own way (S2-141).
LABELS = ("welcome", "start", "news", "my_account", "record_openings", "my_portals")
# The links of the sign-in page whose words an organisation may choose.
SIGN_IN_LINKS = ("forgotten_password", "registered_patient", "register", "pick_up_code")


def _optional_text(most: int, **options: Any) -> AnyText:
    return AnyText(most=most, allow_none=True, **(options or {"load_default": None}))


def _moment() -> CalendarMoment:
    return CalendarMoment(load_default=None, allow_none=True)


class TickerMessage(Request):
    """One message of the ticker; bold, italic and links are allowed. It is shown from a time on, until another."""

    text = AnyText(required=True, most=500)
    from_at = _moment()
    until_at = _moment()


class Term(Request):
    """A word of the organisation's own, at most 40 characters (S2-51).

    Without a singular the usual word stays; without a plural, the English one is made.
    """

    singular = _optional_text(40)
    plural = _optional_text(40)


class Terms(Request):
    """What the organisation calls people and things in place of the usual word (S2-3, S2-82). Null: the usual word."""

    patient = fields.Nested(Term, load_default=None, allow_none=True)
    employer = fields.Nested(Term, load_default=None, allow_none=True)
    applicant = fields.Nested(Term, load_default=None, allow_none=True)
    supervisor = fields.Nested(Term, load_default=None, allow_none=True)
    portal = fields.Nested(Term, load_default=None, allow_none=True)


class Appointments(Request):
    """How the people of a portal come to appointments (S2-66 to S2-76, S2-126 to S2-128).

    `booking_mode`: people choose a time themselves, send a request, or call. `visible_appointment_types` null: all of them.
    `past_due_scheduling` lets people schedule what is past due; without it, they see `past_due_warning` beside the date.
    `days_past` and `days_ahead`: how far back appointments are listed, and how far ahead free times are searched; `lead_days`:
    how many days pass before the first free time. `stop_minutes`: how long before its time nobody books, moves or cancels an
    appointment here any more, and `stop_text` what they read then. `any_provider` takes whoever is free and hides the choice.
    """

    booking_mode = one_of(("self_scheduling", "request_only", "none"), load_default="request_only")
    visible_appointment_types = fields.List(
        Code(), load_default=None, allow_none=True, validate=validate.Length(max=200)
    )
    past_due_scheduling = Flag(load_default=True)
    past_due_warning = _optional_text(500)
    days_past = Count(most=3650, load_default=90)
    days_ahead = Count(most=730, load_default=60)
    lead_days = Count(most=365, load_default=0)
    stop_minutes = Count(most=43200, load_default=0)
    stop_text = _optional_text(500)
    first_available_provider = Flag(load_default=True)
    any_provider = Flag(load_default=False)
    alert_text = _optional_text(500)


class Module(Request):
    """A module of a portal in its place. Without a name it has the usual one. Which settings it may have depends on its code.

    `questionnaire_id`: the one of the portal's picklist to which a module Questionnaire leads; null: to all of them.
    """

    code = Code(required=True)
    name = _optional_text(60)
    tab_colour = fields.String(load_default=None, allow_none=True, validate=COLOUR)
    header = AnyText(allow_none=True, most=60)
    instructions = AnyText(allow_none=True, most=2000)
    appointments = fields.Nested(Appointments)
    reports = fields.List(Code(), validate=validate.Length(max=50))
    questionnaire_id = Id(allow_none=True)


class PageNotice(Request):
    """The heading and the words of a page. Null: the usual ones."""

    heading = _optional_text(60)
    text = _optional_text(1000)


class Confirmation(PageNotice):
    """What people read once they have sent a questionnaire. `title` is the window's."""

    title = _optional_text(60)


class PageNotices(Request):
    """The organisation's own words where no portal is open to somebody, where a page is not, and for what was sent."""

    no_portal = fields.Nested(PageNotice, load_default=None, allow_none=True)
    no_permission = fields.Nested(PageNotice, load_default=None, allow_none=True)
    confirmation = fields.Nested(Confirmation, load_default=None, allow_none=True)


class SignIn(Request):
    """What the sign-in page says above its form, in the ticker's markup, and how it calls its links."""

    instructions = _optional_text(2000)
    links = fields.Dict(keys=one_of(SIGN_IN_LINKS), values=AnyText(most=60), load_default=dict)


ADDRESS = validate.And(
    validate.Length(max=500),
    validate.URL(
        schemes={"http", "https"},
        require_tld=False,
        error="An address that begins with https:// or http:// is expected.",
    ),
)


class ResourceLink(Request):
    """A link of a panel: to a page, a form or a pre-built questionnaire (S2-81).

    A questionnaire is one of the portal's picklist, by its id, or stands elsewhere, at an address.
    """

    kind = one_of(("link", "form", "questionnaire"), load_default="link")
    title = AnyText(required=True, most=100)
    url = fields.String(load_default=None, allow_none=True, validate=ADDRESS)
    questionnaire_id = Id(load_default=None, allow_none=True)


class ResourcePanel(Request):
    """A panel of Other Health Resources with its links in their order (S2-81)."""

    title = AnyText(required=True, most=100)
    summary = _optional_text(1000)
    links = fields.List(fields.Nested(ResourceLink), load_default=list, validate=validate.Length(max=50))


class SupportContact(Request):
    """Whom people ask for help (S2-27, S2-97)."""

    name = Text(required=True, most=60)
    telephone = Telephone(load_default=None, allow_none=True)
    fax = Telephone(load_default=None, allow_none=True)
    email = EmailAddress(load_default=None, allow_none=True)


class ModuleShown(Reply):
    """A module as it is shown, with the organisation's words in its texts."""

    code = fields.String(required=True)
    name = fields.String(required=True)
    tab_colour = fields.String(required=True, allow_none=True)
    header = fields.String(required=True, allow_none=True)
    instructions = fields.String(required=True, allow_none=True)
    reports = fields.List(fields.Nested({"code": fields.String(), "name": fields.String()}), required=True)
    questionnaire_id = Id(required=True, allow_none=True)


class Image(Request):
    """An image of the organisation's (see `upload_portal_image`) with the words for those who do not see it."""

    image_id = Id(required=True)
    alternative_text = AnyText(required=True, most=200)


def _possible() -> fields.List[Any]:
    return fields.List(fields.Nested({"code": fields.String(), "name": fields.String()}), required=True)


def _look() -> dict[str, Any]:
    return {
        "name": AnyText(required=True, most=60),
        "colour": fields.String(required=True, validate=COLOUR),
        "ticker": fields.List(
            fields.Nested(TickerMessage), load_default=list, validate=validate.Length(max=20)
        ),
    }


def content_members() -> dict[str, Any]:
    """The members of what a portal says and offers. Each is changed as a whole."""
    return {
        "product_name": AnyText(allow_none=True, most=25),
        "description": AnyText(allow_none=True, most=2000),
        "terms": fields.Nested(Terms),
        "columns": number_of(4),
        "modules": fields.List(fields.Nested(Module), validate=validate.Length(max=100)),
        "has_message_center": Flag(),
        "is_single_function": Flag(),
        "resources": fields.List(fields.Nested(ResourcePanel), validate=validate.Length(max=1000)),
        "support": fields.List(fields.Nested(SupportContact), validate=validate.Length(max=50)),
        "labels": fields.Dict(keys=one_of(LABELS), values=AnyText(most=60)),
        "notices": fields.Nested(PageNotices),
        "sign_in": fields.Nested(SignIn),
        "help": fields.Dict(keys=Code(), values=AnyText(most=2000), validate=validate.Length(max=50)),
        "document_types": fields.List(Code(), allow_none=True, validate=validate.Length(max=200)),
        "editable_sections": fields.List(one_of(SECTIONS), validate=validate.Length(max=len(SECTIONS))),
        "logout_address": fields.String(allow_none=True, validate=ADDRESS),
        "logo": fields.Nested(Image, allow_none=True),
        "welcome_image": fields.Nested(Image, allow_none=True),
    }


def settings_members() -> dict[str, Any]:
    """All members of a portal's configuration, none of which has to be given."""
    look = {
        "name": AnyText(most=60),
        "colour": fields.String(validate=COLOUR),
        "ticker": fields.List(fields.Nested(TickerMessage), validate=validate.Length(max=20)),
    }
    return {**look, **content_members()}


class PortalContent(Reply):
    """What a portal says and offers, as it was written. A text is plain, or texts by language.

    `document_types` null: documents of every type are shown. `editable_sections` are those that the person may change. `help` has a
    text for the start page (`start`) and for the pages of modules, by their code.
    """

    portal = Suffix(required=True)
    kind = one_of(KINDS, required=True)
    version = fields.Integer(required=True)
    product_name = AnyText(required=True, allow_none=True)
    description = AnyText(required=True, allow_none=True)
    terms = fields.Nested(Terms, required=True)
    columns = fields.Integer(required=True)
    modules = fields.List(fields.Nested(Module), required=True)
    possible_modules = _possible()
    possible_reports = _possible()
    possible_appointment_types = _possible()
    possible_document_types = _possible()
    has_message_center = fields.Boolean(required=True)
    is_single_function = fields.Boolean(required=True)
    resources = fields.List(fields.Nested(ResourcePanel), required=True)
    support = fields.List(fields.Nested(SupportContact), required=True)
    labels = fields.Dict(keys=fields.String(), values=AnyText(), required=True)
    notices = fields.Nested(PageNotices, required=True)
    sign_in = fields.Nested(SignIn, required=True)
    help = fields.Dict(keys=fields.String(), values=AnyText(), required=True)
    document_types = fields.List(fields.String(), required=True, allow_none=True)
    editable_sections = fields.List(fields.String(), required=True)
    logout_address = fields.String(required=True, allow_none=True)
    logo = fields.Nested(Image, required=True, allow_none=True)
    welcome_image = fields.Nested(Image, required=True, allow_none=True)


class ImageShown(Reply):
    """An image as it is shown: where it lies, how large it is, and what it shows."""

    address = fields.String(required=True)
    alternative_text = fields.String(required=True)
    width = fields.Integer(required=True)
    height = fields.Integer(required=True)


class MessageShown(Reply):
    """A message of the ticker: as written, as safe HTML, and its words alone."""

    text = fields.String(required=True)
    html = fields.String(required=True)
    plain = fields.String(required=True)


class PageNoticeShown(Reply):
    """The organisation's own heading and words of a page. Null: the usual ones."""

    heading = fields.String(required=True, allow_none=True)
    text = fields.String(required=True, allow_none=True)


class ConfirmationShown(PageNoticeShown):
    """The same, with the title of the window."""

    title = fields.String(required=True, allow_none=True)


class PageNoticesShown(Reply):
    """The organisation's own words of pages outside the usual way."""

    no_portal = fields.Nested(PageNoticeShown, required=True)
    no_permission = fields.Nested(PageNoticeShown, required=True)
    confirmation = fields.Nested(ConfirmationShown, required=True)


class SignInShown(Reply):
    """The organisation's own words of the sign-in page. `links` has those that it calls otherwise."""

    instructions = fields.Nested(MessageShown, required=True, allow_none=True)
    links = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


class PortalHome(Reply):
    """All that the start page of a portal shows, with the organisation's words in every text.

    `welcome` is the description with its links; `help` has the text of a page by the code of its module, `start` for this page.
    """

    portal = Suffix(required=True)
    kind = one_of(KINDS, required=True)
    name = fields.String(required=True)
    colour = fields.String(required=True)
    product_name = fields.String(required=True)
    description = fields.String(required=True, allow_none=True)
    welcome = fields.Nested(MessageShown, required=True, allow_none=True)
    columns = fields.Integer(required=True)
    modules = fields.List(fields.Nested(ModuleShown), required=True)
    goes_on_to = fields.String(required=True, allow_none=True)
    has_message_center = fields.Boolean(required=True)
    labels = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    notices = fields.Nested(PageNoticesShown, required=True)
    sign_in = fields.Nested(SignInShown, required=True)
    help = fields.Dict(keys=fields.String(), values=fields.Nested(MessageShown), required=True)
    editable_sections = fields.List(fields.String(), required=True)
    logo = fields.Nested(ImageShown, required=True, allow_none=True)
    welcome_image = fields.Nested(ImageShown, required=True, allow_none=True)
    ticker = fields.List(fields.Nested(MessageShown), required=True)
    resources = fields.List(fields.Nested(ResourcePanel), required=True)
    support = fields.List(fields.Nested(SupportContact), required=True)


class PortalConfiguration(Reply):
    """How a portal presents itself."""

    portal = Suffix(required=True)
    kind = one_of(KINDS, required=True)
    version = fields.Integer(required=True)
    name = fields.String(required=True)
    colour = fields.String(required=True)
    ticker = fields.List(fields.Nested(MessageShown), required=True)


class MyPortal(Reply):
    """A portal that admits the caller, by the name that the organisation gave it."""

    portal = Suffix(required=True)
    kind = one_of(KINDS, required=True)
    name = fields.String(required=True)
    employer = fields.String(required=True, allow_none=True)
    region = fields.String(required=True, allow_none=True)


LANGUAGES = {"languages": fields.List(Text(most=35), load_default=list, validate=validate.Length(max=10))}

get_portal = contract.query(
    "get_portal",
    "How a portal of the caller's organisation presents itself.",
    request={"portal": Suffix(required=True), **LANGUAGES},
    reply=PortalConfiguration,
    access=SIGNED_IN,
    errors=("not_found",),
    before_consent=True,
)

list_my_portals = contract.query(
    "list_my_portals",
    "The enabled portals that admit the caller. One log-in may have several (S2-122). `notice`: what the organisation says where "
    "there is none.",
    request=LANGUAGES,
    reply={
        "items": fields.List(fields.Nested(MyPortal), required=True),
        "notice": fields.Nested(PageNoticeShown, required=True, allow_none=True),
    },
    access=SIGNED_IN,
)

describe_portal_names = contract.query(
    "describe_portal_names",
    "What messages to people of a realm call its portal and the product: the first portal of the realm that is enabled.",
    request={"realm": one_of(REALMS, required=True), **LANGUAGES},
    reply={"name": fields.String(required=True), "product_name": fields.String(required=True)},
    access=only_services("notifications"),
    errors=("not_found",),
)

get_public_portal = contract.query(
    "get_public_portal",
    "Name, colour, images and words of a portal for its log-in page, the page after signing out, and what somebody reads to whom it "
    "is not open.",
    request={"organisation": Code(required=True), "portal": Suffix(required=True), **LANGUAGES},
    reply={
        "portal": fields.String(required=True),
        "kind": one_of(KINDS, required=True),
        "realm": Code(required=True),
        "name": fields.String(required=True),
        "colour": fields.String(required=True),
        "logout_address": fields.String(required=True, allow_none=True),
        "sign_in": fields.Nested(SignInShown, required=True),
        "no_permission": fields.Nested(PageNoticeShown, required=True),
        "logo": fields.Nested(ImageShown, required=True, allow_none=True),
        "welcome_image": fields.Nested(ImageShown, required=True, allow_none=True),
    },
    access=PUBLIC,
    errors=("not_found",),
)

get_portal_content = contract.query(
    "get_portal_content",
    "What a portal says and offers, as staff wrote it, with the modules that it could have.",
    request={"portal": Suffix(required=True)},
    reply=PortalContent,
    access=permission("portal.configure", realms=STAFF),
    errors=("not_found",),
)

get_portal_home = contract.query(
    "get_portal_home",
    "All that the start page of a portal shows to the caller. `goes_on_to` is the one module of a single-function portal.",
    request={"portal": Suffix(required=True), **LANGUAGES},
    reply=PortalHome,
    access=SIGNED_IN,
    errors=("not_found",),
)

change_portal_content = contract.command(
    "change_portal_content",
    "Change what a portal says and offers. Only what is given changes, each list as a whole; the next read shows it.",
    request={
        "portal": Suffix(required=True),
        **content_members(),
    },
    reply=PortalContent,
    access=permission("portal.configure", realms=STAFF),
    errors=("not_found", "approval_required", "publication_scheduled"),
    expects_version=True,
)

configure_portal = contract.command(
    "configure_portal",
    "Set a portal's name, colour and ticker. The next read shows the change.",
    request={
        "portal": Suffix(required=True),
        **_look(),
    },
    reply=PortalConfiguration,
    access=permission("portal.configure"),
    errors=("not_found", "forbidden", "approval_required", "publication_scheduled"),
    expects_version=True,
)


portal_configured = contract.event(
    "portal_configured",
    "The configuration of a portal was changed.",
    data={"portal": Code(required=True), "version": Count(required=True)},
)
