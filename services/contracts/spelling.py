"""The one form in which values are compared that people spell in several ways: names, e-mail addresses, phones, postal codes.

Services store these forms beside the values, in columns of their own, and compare what is typed in the same form.
"""

from __future__ import annotations

import functools
import re
import unicodedata

from email_validator import EmailNotValidError, ValidatedEmail, validate_email

MOST_OF_ADDRESS = 254
# Where a phone number has no country code it is read as one of North America, whose numbers are also written as 1-….
_PHONES_AS_IN = "US"
_LEAST_OF_PHONE = 5

# Straight, left, right and modifier apostrophes, prime, okina, grave and acute: people type "Mary's" as "Marys".
_APOSTROPHES = dict.fromkeys(map(ord, "'\u2018\u2019\u201b\u02bb\u02bc\u02b9\u2032\uff07`\u00b4"))
_TATWEEL = "\u0640"  # lengthens an Arabic word and is no letter
# Letters that begin a word: capital, small, title case, and those of scripts without case. Modifiers are none.
_CASED_OR_NOT = frozenset({"Lu", "Ll", "Lt", "Lo"})
_LETTERS = {"æ": "ae", "œ": "oe", "þ": "th", "ð": "d", "\u0131": "i"}
# Domains may contain these two between letters of some scripts (RFC 5892).
_JOINERS = "\u200c\u200d"
_ZIP_PLUS_FOUR = re.compile(r"([0-9]{5})[0-9]{4}")


def is_blank(text: str) -> bool:
    """Whether nobody can see anything of a text: it has only white space and characters for layout, such as U+200B."""
    return all(char.isspace() or unicodedata.category(char) == "Cf" for char in text)


def search_key(name: str) -> str:
    """A name in the form in which names are compared: no case, marks or punctuation, "&" as "and", single spaces.

    "St. Mary's Café & Pantry" gives "st marys cafe and pantry", "Łukasz" gives "lukasz".
    """
    # Case folding can produce marks (Turkish capital I with dot), hence the second decomposition.
    plain = unicodedata.normalize("NFKD", name.translate(_APOSTROPHES)).casefold()
    folded = unicodedata.normalize("NFKD", plain)
    return " ".join("".join(map(_folded, folded)).split())


@functools.lru_cache(maxsize=4_096)
def _folded(letter: str) -> str:
    if letter == "&":
        return " and "
    kind = unicodedata.category(letter)
    if unicodedata.combining(letter) or kind == "Cf" or letter == _TATWEEL:
        return ""
    if kind[0] not in "LNM":
        return " "
    return _LETTERS.get(letter) or _without_stroke(letter)


def _without_stroke(letter: str) -> str:
    """The letter without a stroke, hook or bar that Unicode does not decompose: "ł" gives "l"."""
    plain, _, addition = unicodedata.name(letter, "").partition(" WITH ")
    if addition and plain.startswith("LATIN SMALL LETTER "):
        try:
            return unicodedata.lookup(plain)
        except KeyError:
            return letter
    return letter


def initial_of(name: str) -> str:
    """The first letter of a name as a capital, empty where the name has no letter: "'t Hooft" gives "T"."""
    composed = unicodedata.normalize("NFC", name)
    letters = (each for each in composed if unicodedata.category(each) in _CASED_OR_NOT)
    return next((letter.upper()[0] for letter in letters), "")


def postal_code_key(code: str | None) -> str:
    """A postal code without spaces, dashes and case, a ZIP+4 by its first five digits; empty for none.

    "K1A 0B1" gives "k1a0b1", "94110-1234" gives "94110".
    """
    plain = "".join(filter(str.isalnum, unicodedata.normalize("NFKC", code or "").casefold()))
    zip_plus_four = _ZIP_PLUS_FOUR.fullmatch(plain)
    return zip_plus_four[1] if zip_plus_four else plain


def phone_key(number: str | None) -> str:
    """The digits of a phone number within its country, without extension; empty where it has fewer than five digits.

    "+1 (415) 555-0100 ext. 7", "1-415-555-0100" and "4155550100" give "4155550100".
    """
    # Loading the country codes takes 20 ms, so it waits for the first phone number.
    import phonenumbers  # noqa: PLC0415

    try:
        digits = str(phonenumbers.parse(number or "", _PHONES_AS_IN).national_number)
    except phonenumbers.NumberParseException:
        digits = "".join(filter(str.isdecimal, unicodedata.normalize("NFKC", number or "")))
    return digits if len(digits) >= _LEAST_OF_PHONE else ""


def email_address(text: str) -> str:
    """An e-mail address as it is stored: trimmed, without invisible characters, its domain in small letters.

    Raises ValueError for one that mail cannot reach: quoted and non-ASCII names, numeric hosts, names without a dot.
    """
    return str(_checked(text).normalized)


def mailbox_of(address: str) -> str:
    """An e-mail address as mail servers are told it: the domain in ASCII (IDNA 2008). Raises ValueError as `email_address`."""
    return str(_checked(address).ascii_email)


def _checked(text: str) -> ValidatedEmail:
    try:
        valid = validate_email(_visible(text), check_deliverability=False, allow_smtputf8=False, strict=True)
    except EmailNotValidError as error:
        raise ValueError("An e-mail address such as name@example.org is expected.") from error
    if len(valid.ascii_email or "") > MOST_OF_ADDRESS:
        raise ValueError(f"An e-mail address has at most {MOST_OF_ADDRESS} characters.")
    return valid


def login_key(login: str) -> str:
    """A login, an e-mail address or a username, in the form in which logins are compared.

    Two spellings of one mailbox are equal: "A@Bücher.example" and "a@xn--bcher-kva.example". No letter becomes another
    one: "straße" and "strasse" are two domains. A text that is no address is compared without case and outer blanks.
    """
    try:
        return mailbox_of(login).lower()
    except ValueError:
        return "".join(each.lower() if each.isascii() else each for each in _visible(login))


def _visible(text: str) -> str:
    """The text without outer blanks and invisible characters; joiners stay between letters."""
    kept = "".join(each for each in text if each in _JOINERS or unicodedata.category(each) != "Cf")
    return kept.strip(_JOINERS).strip().strip(_JOINERS)
