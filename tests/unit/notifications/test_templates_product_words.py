"""Templates: checks before saving, rendering, and no evaluation."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.errors import Refused
from services.notifications.templates.product_words import KINDS, kind_of
from services.notifications.templates.rendering import Rendered, Template, check, render

VALUES = {
    "counted": "2 messages",
    "whose": "Maria",
    "partner_text": "Please call within two days.",
    "appointment_time": "Wednesday, 3 March 2027, 14:30",
    "place": "12 Harbor Street",
    "record_number": 4711,
    "document_number": "D-9",
    "organisation_name": "Harbor House",
    "product_name": "Portico",
    "portal_name": "Provider Portal",
    "portal_link": "https://portal.example/at/harbor/provider",
    "invitation_link": "https://portal.example/invitation#token",
    "reset_link": "https://portal.example/reset#token",
    "confirmation_link": "https://portal.example/verify-email#token",
    "lifetime": "90 minutes",
    "username": "ana@example.org",
    "temporary_password": "correct horse",
    "pickup_code": "K7QF-2MXD",
    "confirmation_code": "042517",
}
EVALUATING = [
    "{{ 7*7 }}",
    "{{ record_number.__class__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ config }}",
    "{{ self }}",
    "{{ record_number|safe }}",
    "{{record_number()}}",
    "{% for x in y %}x{% endfor %}",
    "{% import os %}",
    "{# comment #}",
    "{{ 'a' }}",
    "{{ record_number",
    "record_number }}",
    "{{ {{ record_number }} }}",
    "{{ Record_Number }}",
    "{{\nrecord_number }}",
]
HOSTILE_VALUES = [
    "{{ portal_link }}",
    "{{ 7*7 }}",
    "{% print(1) %}",
    "${7*7}",
    "%(portal_link)s",
    "{0.__class__}",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "x\r\nBcc: victim@example.org",
    "x\nBcc: victim@example.org",
    "x\rSubject: other",
    "x\u2028y",
    "x\x85y",
    "x\x00y",
    "x\x0by",
    "\u202egnp.exe",
]


class _Tags(HTMLParser):
    def __init__(self, body: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.feed(body)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.append(tag)


def _refusal(kind: str, template: Template) -> Refused:
    with pytest.raises(Refused) as refused:
        check(kind_of(kind), template)
    return refused.value


def _with_organisation(value: str) -> Rendered:
    template = Template(
        "From {{ organisation_name }}", "From {{ organisation_name }}.", "<p>From {{ organisation_name }}</p>"
    )
    return render(KINDS["referral_assigned"], template, VALUES | {"organisation_name": value})


@pytest.mark.parametrize("kind", KINDS)
def test_every_default_template_can_be_saved_and_rendered(kind: str) -> None:
    check(KINDS[kind], KINDS[kind].default)
    rendered = render(KINDS[kind], KINDS[kind].default, VALUES)
    assert "{{" not in rendered.subject + rendered.text + (rendered.html or "")


@pytest.mark.seed("S0-44")
def test_an_assignment_message_can_mention_nothing_but_number_organisation_product_and_link() -> None:
    allowed = {"record_number", "organisation_name", "product_name", "portal_name", "portal_link"}
    assert KINDS["referral_assigned"].placeholders == allowed
    for private in ("client_name", "zip", "note", "name", "address", "date_of_birth"):
        refused = _refusal("referral_assigned", Template("New", f"About {{{{ {private} }}}}"))
        assert refused.code == "template_placeholder_unknown"
        assert "portal_link" in refused.detail
        assert refused.field == "text"


@pytest.mark.seed("S0-45")
def test_the_assignment_message_holds_the_contact_record_number() -> None:
    rendered = render(KINDS["referral_assigned"], KINDS["referral_assigned"].default, VALUES)
    assert "4711" in rendered.subject
    assert "Contact record number: 4711" in rendered.text


@pytest.mark.seed("S1-16")
def test_an_invitation_with_a_temporary_password_says_how_long_it_works() -> None:
    kind = "account_invited_with_password"
    text = render(KINDS[kind], KINDS[kind].default, VALUES | {"lifetime": "7 days"}).text
    assert "correct horse" in text
    assert "7 days" in text


@pytest.mark.seed("S4-8")
def test_a_document_to_sign_is_announced_without_a_word_about_a_patient() -> None:
    assert KINDS["document_ready_to_sign"].placeholders == {
        "organisation_name",
        "product_name",
        "portal_name",
        "portal_link",
    }


@pytest.mark.parametrize("part", ["subject", "text", "html"])
@pytest.mark.parametrize("payload", EVALUATING)
def test_a_template_that_would_evaluate_something_is_refused_when_saved(payload: str, part: str) -> None:
    parts = {"subject": "New", "text": "New", "html": "<p>New</p>"} | {part: payload}
    refused = _refusal("referral_assigned", Template(**parts))
    assert refused.code in ("template_invalid", "template_placeholder_unknown")
    assert refused.field == part


@pytest.mark.parametrize("value", HOSTILE_VALUES)
def test_a_value_is_never_evaluated_and_adds_neither_line_nor_tag(value: str) -> None:
    rendered = _with_organisation(value)
    assert rendered.subject.splitlines() == [rendered.subject]
    assert rendered.text.splitlines() == [rendered.text]
    assert "49" not in rendered.text
    assert VALUES["portal_link"] not in rendered.text
    assert _Tags(rendered.html or "").seen == ["p"]
    assert "\u202e" not in rendered.subject


@given(st.text(max_size=300))
def test_no_text_at_all_breaks_out_of_the_subject(value: str) -> None:
    rendered = _with_organisation(value)
    assert len(rendered.subject.splitlines()) == 1
    assert len(rendered.subject) <= 200
    assert _Tags(rendered.html or "").seen == ["p"]


def test_values_are_escaped_in_html_and_left_as_they_are_in_text() -> None:
    rendered = _with_organisation('Ruiz & <Sons> "Inc"')
    assert rendered.text == 'From Ruiz & <Sons> "Inc".'
    assert rendered.html == "<p>From Ruiz &amp; &lt;Sons&gt; &quot;Inc&quot;</p>"


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "//evil.example", "file:///etc/passwd", "https://a b", "https://"]
)
def test_a_link_that_is_no_web_address_is_refused(link: str) -> None:
    with pytest.raises(Refused) as refused:
        render(KINDS["referral_assigned"], KINDS["referral_assigned"].default, VALUES | {"portal_link": link})
    assert (refused.value.code, refused.value.field) == ("template_invalid", "portal_link")


def test_a_missing_value_is_refused_by_name() -> None:
    with pytest.raises(Refused) as refused:
        render(KINDS["referral_assigned"], KINDS["referral_assigned"].default, {})
    assert refused.value.code == "template_value_missing"


def test_a_value_that_is_an_object_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        _with_organisation({"a": 1})  # type: ignore[arg-type]
    assert refused.value.code == "template_invalid"


@pytest.mark.parametrize(
    "body",
    [
        "<script>alert(1)</script>",
        "<p onclick='x()'>x</p>",
        "<img src='https://track.example/p.gif'>",
        "<a href='javascript:x()'>x</a>",
        "<a href='{{ organisation_name }}'>x</a>",
        "<a href='https://{{ organisation_name }}.example'>x</a>",
        "<a href='{{ portal_link }}?next={{ portal_link }}'>x</a>",
        "<style>p { }</style>",
        "<p style='x'>x</p>",
        "<form><input></form>",
        "<!-- [if mso]>x<![endif]-->",
        "<!DOCTYPE html><p>x</p>",
        "<?php x ?>",
    ],
)
def test_html_that_does_more_than_mark_up_text_is_refused(body: str) -> None:
    assert _refusal("referral_assigned", Template("New", "New", body)).field == "html"


def test_a_link_to_a_link_placeholder_or_a_web_address_may_be_saved() -> None:
    body = (
        '<h1>New</h1><p><a href="{{ portal_link }}">Sign in</a> or <a href="https://x.example">read</a></p>'
    )
    check(KINDS["referral_assigned"], Template("New", "New", body))


@pytest.mark.parametrize(
    ("template", "field"),
    [
        (Template("", "x"), "subject"),
        (Template("x" * 201, "x"), "subject"),
        (Template("a\r\nBcc: x", "x"), "subject"),
        (Template("a\u2028b", "x"), "subject"),
        (Template("x", " "), "text"),
        (Template("x", "x" * 10_001), "text"),
        (Template("x", "x", "x" * 50_001), "html"),
    ],
)
def test_a_part_that_is_empty_too_long_or_has_controls_is_refused(template: Template, field: str) -> None:
    refused = _refusal("message_waiting", template)
    assert (refused.code, refused.field) == ("template_invalid", field)


def test_an_unknown_kind_is_refused() -> None:
    assert _refusal("unheard", Template("x", "x")).code == "template_kind_unknown"


@pytest.mark.parametrize("kind", sorted(kind.name for kind in KINDS.values() if not kind.is_short))
def test_every_mail_ends_with_the_telephone_number_where_there_is_one(kind: str) -> None:
    own = Template("Subject", "Words of the organisation", "<p>Words of the organisation</p>")
    for words in (KINDS[kind].default, own):
        with_one, without = (
            render(KINDS[kind], words, VALUES, "+1 415-555-0100 <7>"),
            render(KINDS[kind], words, VALUES),
        )
        assert with_one.text.endswith("\n\nTelephone: +1 415-555-0100 <7>\n")
        assert with_one.html is not None
        assert with_one.html.endswith("\n<p>Telephone: +1 415-555-0100 &lt;7&gt;</p>\n")
        assert "Telephone" not in f"{without.text} {without.html}"
