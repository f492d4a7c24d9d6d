"""The organisation's own words in place of the usual ones: "client" for "patient" (S2-51, conflict C5). Pure.

A text names a term by a token, `{{ term.patient }}`, or simply by its usual word, which is replaced where it is a whole word.
`{{ term.patient.plural }}` is the plural; `Term` and `TERM` give capitals. `{{ term.product }}` is the product's name (S2-38).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from services.contracts.portals.local_text import read_in

# Addresses stay as they are: behind a link's words, and in the text itself.
_ADDRESS = re.compile(r"(\]\([^()\s]*\)|\b(?:https?|mailto):[^\s()]+|[^\s@]+@[^\s@]+)")
# What begins and ends markup would let a word change a link.
MARKUP = re.compile(r"[\[\]()*_<>]")
# The usual words: the singular and the plurals by which a text may name the term.
_USUAL: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "en": {
        "patient": ("patient", ("patients",)),
        "employer": ("employer", ("employers",)),
        "applicant": ("applicant", ("applicants",)),
        "supervisor": ("supervisor", ("supervisors",)),
        "portal": ("portal", ("portals",)),
    },
    "es": {
        "patient": ("paciente", ("pacientes",)),
        "employer": ("empleador", ("empleadores",)),
        "applicant": ("solicitante", ("solicitantes",)),
        "supervisor": ("supervisor", ("supervisores",)),
        "portal": ("portal", ("portales",)),
    },
    "de": {
        "patient": ("Patient", ("Patienten",)),
        "employer": ("Arbeitgeber", ()),
        "applicant": ("Bewerber", ()),
        "supervisor": ("Vorgesetzter", ("Vorgesetzte",)),
        "portal": ("Portal", ("Portale",)),
    },
    "fr": {
        "patient": ("patient", ("patients",)),
        "employer": ("employeur", ("employeurs",)),
        "applicant": ("candidat", ("candidats",)),
        "supervisor": ("superviseur", ("superviseurs",)),
        "portal": ("portail", ("portails",)),
    },
}
OWN = "en"
PRODUCT = "product"
_BRACED = r"\{\{ ?(?P<as_in>term)\.(?P<term>\w+)(?P<plural>\.plural)? ?\}\}"


def replacer(
    terms: Mapping[str, Mapping[str, Any] | None], languages: Sequence[str] = (), product: str | None = None
) -> Callable[[str], str]:
    """A function that replaces tokens, and each whole word that stands for a term, singular or plural. Capitals stay capitals.

    The words are English ones and those of the languages that the reader prefers. `product` is the product's name.
    """
    words = dict(_words(terms, languages))
    usual = _USUAL[next((each for each in _spoken(languages) if each in _USUAL), OWN)]
    longest_first = sorted(words, key=len, reverse=True)
    of_words = rf"|\b(?:{'|'.join(map(re.escape, longest_first))})\b" if words else ""
    pattern = re.compile(_BRACED + of_words, re.IGNORECASE)

    def own(match: re.Match[str]) -> str:
        if not match["term"]:
            return as_in(match[0], words[match[0].lower()])
        if product and match["term"].lower() == PRODUCT and not match["plural"]:
            return as_in(match["as_in"], product)
        if match["term"].lower() not in usual:
            return match[0]
        one, many = usual[match["term"].lower()]
        word = many[0] if match["plural"] and many else one
        return as_in(match["as_in"], words.get(word.lower(), word))

    def replaced(text: str) -> str:
        parts = _ADDRESS.split(text)
        return "".join(part if place % 2 else pattern.sub(own, part) for place, part in enumerate(parts))

    return replaced


def replaced(text: str, terms: Mapping[str, Mapping[str, Any] | None]) -> str:
    """One text with the organisation's words. Who has several makes one `replacer` for them."""
    return replacer(terms)(text)


def forms(
    terms: Mapping[str, Mapping[str, Any] | None], languages: Sequence[str] = ()
) -> dict[str, dict[str, str]]:
    """Each term as the reader reads it: the organisation's own word, or else the usual one of the language."""
    replaced_by = replacer(terms, languages)
    return {
        name: {
            "singular": replaced_by(f"{{{{ term.{name} }}}}"),
            "plural": replaced_by(f"{{{{ term.{name}.plural }}}}"),
        }
        for name in _USUAL[OWN]
    }


def _words(terms: Mapping[str, Mapping[str, Any] | None], languages: Sequence[str]) -> Any:
    """Pairs of a usual word in small letters and the organisation's own, what the reader prefers last."""
    known = [OWN, *(each for each in reversed(_spoken(languages)) if each in _USUAL and each != OWN)]
    for language in known:
        for name, term in terms.items():
            singular = read_in((term or {}).get("singular"), languages)
            if not singular:
                continue
            several = read_in((term or {}).get("plural"), languages) or plural(singular)
            one, many = _USUAL[language][name]
            yield one.lower(), singular
            yield from ((each.lower(), several) for each in many)


def _spoken(languages: Sequence[str]) -> list[str]:
    return [each.partition("-")[0].lower() for each in languages]


def plural(word: str) -> str:
    """The regular English plural."""
    if re.search(r"(s|x|z|ch|sh)\Z", word, re.IGNORECASE):
        return word + "es"
    if re.search(r"[^aeiou]y\Z", word, re.IGNORECASE):
        return word[:-1] + "ies"
    return word + "s"


def as_in(replaced_word: str, word: str) -> str:
    """The word with the capitals of the one that it replaces: PATIENT, Patient; a small one is as the organisation writes it."""
    if len(replaced_word) > 1 and replaced_word.isupper():
        return word.upper()
    if replaced_word[0].isupper():
        return word[:1].upper() + word[1:]
    return word
