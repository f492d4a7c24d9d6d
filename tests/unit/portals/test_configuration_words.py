"""The organisation's words in a configuration: tokens and whole words, and that no configuration renders anything but safe HTML."""

from __future__ import annotations

import datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from services.portals.configuration import content, rendering
from services.portals.configuration.terms import replacer
from services.portals.definitions.rules import DEFAULT_PORTALS
from tests.unit.portals.test_configuration_ticker import Seen

pytestmark = pytest.mark.seed("C5")
NOW = datetime.datetime(2026, 11, 28, 12, tzinfo=datetime.UTC)
CLIENT = {"patient": {"singular": "client"}}
COMPANY = {"employer": {"singular": "company"}, "portal": {"singular": "patient corner"}}


@pytest.mark.parametrize(
    ("text", "terms", "expected"),
    [
        # Free text: whole words, singular and plural, with the capitals that they had.
        ("patient Patient PATIENT", CLIENT, "client Client CLIENT"),
        ("patients' patience, outpatient, patient's", CLIENT, "clients' patience, outpatient, client's"),
        ("Employers of a patient", COMPANY, "Companies of a patient"),
        # Tokens: plural and capital forms, also of terms for which the organisation has no word of its own.
        ("{{ term.patient }} {{ Term.patient }} {{ TERM.patient }}", CLIENT, "client Client CLIENT"),
        ("{{ term.employer.plural }}, {{Term.employer.plural}}", COMPANY, "companies, Companies"),
        ("{{ Term.patient.plural }} of the {{ term.portal }}", {}, "Patients of the portal"),
        # What a word brings in is not replaced again, and what names no term stays.
        (
            "The {{ term.portal }}, our portal",
            {**COMPANY, **CLIENT},
            "The patient corner, our patient corner",
        ),
        ("{{ term.doctor }} {{ term.patient", CLIENT, "{{ term.doctor }} {{ term.client"),
        # Addresses stay.
        (
            "https://a.example/patient patients@a.example",
            CLIENT,
            "https://a.example/patient patients@a.example",
        ),
    ],
)
def test_tokens_and_whole_words_become_the_organisations_own(
    text: str, terms: dict[str, Any], expected: str
) -> None:
    assert replacer(terms)(text) == expected


def test_a_token_is_read_in_the_language_of_the_reader() -> None:
    terms = {"patient": {"singular": {"en": "client", "es": "cliente"}, "plural": {"es": "clientes"}}}
    assert replacer(terms, ["es"])("{{ Term.patient }}, {{ term.patient.plural }}") == "Cliente, clientes"
    assert replacer({}, ["de"])("{{ term.supervisor.plural }}") == "Vorgesetzte"


_PIECES = [
    "patient", "Portals", "{{ term.patient }}", "{{ Term.portal.plural }}", "**", "*", "_", "[", "](", ")", "<script>", "</p>",
    '"', "'", "&lt;", "https://a.example/patient", "javascript:alert(1)", "mailto:portal@a.example", "<!--", "\\", "\n", " ",
    "<img src=x onerror=alert(1)>", "data:text/html,x", "a", "Ω", "\u202e", "&", "#", "`", "employer", "(x)",
]  # fmt: skip


def _text(drawn: bytes) -> str:
    return "".join(_PIECES[each % len(_PIECES)] for each in drawn)


# One draw for an example: four texts of up to eight pieces, and three words.
@settings(max_examples=5000, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary(min_size=8, max_size=38))
def test_no_configuration_that_validates_renders_anything_but_safe_html(drawn: bytes) -> None:
    news, name, description = (_text(drawn[at : at + 8]) for at in (0, 8, 16))
    words = [_text(drawn[at : at + 2])[:40].strip() for at in (24, 28, 32)]
    terms = {
        term: {"singular": word}
        for term, word in zip(("patient", "portal", "employer"), words, strict=True)
        if word
    }
    document = {
        "ticker": [{"text": news}],
        "name": name,
        "description": description,
        "terms": terms,
        "labels": {"welcome": name},
        "resources": [
            {"title": name, "summary": description, "links": [{"title": name, "url": "https://a.example"}]}
        ],
    }
    whole = content.whole(document, "employee")
    assume(not list(content.problems(whole, "employee")))
    shown = rendering.home(DEFAULT_PORTALS["employee"], whole, [], NOW)
    [message] = shown["ticker"]
    seen = Seen(message["html"])
    assert seen.open == []
    for tag, attributes in seen.tags:
        assert tag in ("strong", "em", "a")
        assert set(attributes) == ({"href", "rel"} if tag == "a" else set())
        assert urlsplit(attributes.get("href") or "https:").scheme in ("http", "https", "mailto")
    # Everything else is plain text, which every page escapes: none calls itself HTML already.
    for text in (
        shown["name"],
        shown["description"],
        shown["labels"]["welcome"],
        *shown["resources"][0].values(),
    ):
        assert not hasattr(text, "__html__")
