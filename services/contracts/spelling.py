"""The one form in which values are compared that people spell in several ways: names, e-mail addresses, phones, postal codes.

Services store these forms beside the values, in columns of their own, and compare what is typed in the same form.
"""

from __future__ import annotations

import functools
import itertools
import re
import unicodedata
from typing import NamedTuple

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
# The parts of a name to which a word belongs.
FIRST, LAST, EITHER = "first", "last", "either"
# So much is kept of a name from each of its words on.
_MOST_OF_WORDS = 100
_SEAM = "\x1f"
# Letters of Chinese, Japanese and Korean, whose names have no blanks: kana, bopomofo, Han, and Hangul as syllables or parts.
_LETTER = (
    r"[\u1100-\u11ff\u3041-\u30fa\u3105-\u312f\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]"
)
_NO_BLANKS = re.compile(_LETTER)
_BEFORE_LETTER = re.compile(rf"(?<=\w)(?={_LETTER})")
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
    return " ".join(_fold(name.translate(_APOSTROPHES)).split())


def words_of_text(text: str) -> list[str]:
    """The words of a text as they are compared. A word also begins after an apostrophe: "d'urgence" gives "urgence", too."""
    split = text.translate(dict.fromkeys(_APOSTROPHES, " "))
    return list(dict.fromkeys((*search_key(text).split(), *search_key(split).split())))


def _fold(name: str) -> str:
    # Case folding can produce marks (Turkish capital I with dot), hence the second decomposition.
    plain = unicodedata.normalize("NFKD", name).casefold()
    return "".join(map(_folded, unicodedata.normalize("NFKD", plain)))


def words_of_name(first_name: str, last_name: str) -> set[tuple[str, str]]:
    """From each word of a name on the whole name as it is compared, and the part that the word is of: FIRST, LAST, EITHER.

    "Ana", "García Márquez" gives "garcia marquez ana", "marquez ana garcia" (LAST) and "ana garcia marquez" (FIRST). A word
    also begins after an apostrophe: "O'Neil" gives "oneil" and "neil", and so does "O Neil". Chinese, Japanese and Korean
    names have no blanks: "李小龙" gives "李小龙", "小龙李" and "龙李小", of EITHER part, and so do "李" and "小龙". All words
    of a name are of EITHER part where the other name is empty.
    """
    last, first = _words(last_name), _words(first_name)
    is_whole = not (last and first)
    words = [(each, LAST) for each in last] + [(each, FIRST) for each in first]
    found = set()
    for start, (word, part) in enumerate(words):
        text = word.text
        for (before, _), (after, _) in itertools.pairwise(words[start:] + words[:start]):
            is_together = after.is_joined or (before.has_no_blanks and after.has_no_blanks)
            text += after.text if is_together else f" {after.text}"
        found.add((text[:_MOST_OF_WORDS], EITHER if is_whole or word.has_no_blanks else part))
    return found


class _Word(NamedTuple):
    """A word of a name. `is_joined`: no blank is before it. `has_no_blanks`: it is of a script without blanks."""

    text: str
    is_joined: bool
    has_no_blanks: bool


def _words(name: str) -> list[_Word]:
    marked = name.translate(dict.fromkeys(_APOSTROPHES, _SEAM))
    found: list[_Word] = []
    for chunk in _fold(_BEFORE_LETTER.sub(_SEAM, unicodedata.normalize("NFKC", marked))).split(" "):
        for position, text in enumerate(filter(None, chunk.split(_SEAM))):
            has_no_blanks = _NO_BLANKS.match(text) is not None
            follows_letter = bool(found) and len(found[-1].text) == 1 and not found[-1].has_no_blanks
            found.append(_Word(text, position > 0 or follows_letter, has_no_blanks))
    return found


@functools.lru_cache(maxsize=4_096)
def _folded(letter: str) -> str:
    if letter == "&":
        return " and "
    if letter == _SEAM:
        return letter
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


def normal_code(code: str) -> str:
    """A code as it is compared: without spaces and dashes, in capitals, with digits of every script as 0 to 9."""
    plain = code.replace(" ", "").replace("-", "").upper()
    return "".join(str(unicodedata.decimal(each, each)) for each in plain)


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


def phone_keys(typed: str) -> frozenset[str]:
    """The keys (`phone_key`) of the numbers that a typed one may mean, written with and without the code of its country.

    "0049 30 123456", "49 30 123456" and "+49 30 123456" mean the number that is stored as "+49 30 123456" or "030 123456".
    The first digits that stand for one's own country are left out and added, too: "+7 912 3456789" is "8 912 3456789".
    """
    import phonenumbers  # noqa: PLC0415 - as in `phone_key`

    own = phone_key(typed)
    if not own:
        return frozenset()
    found = {own}
    text = unicodedata.normalize("NFKC", typed).strip()
    for spelled, region, is_certain in (
        (text, _PHONES_AS_IN, True),
        (f"+{text.removeprefix('00')}", None, text.startswith("00")),
        (f"+{own}", None, False),
    ):
        try:
            number = phonenumbers.parse(spelled, region)
        except phonenumbers.NumberParseException:
            continue
        if is_certain or (region is None and phonenumbers.is_valid_number(number)):
            national, code = str(number.national_number), str(number.country_code)
            country = phonenumbers.region_code_for_country_code(number.country_code or 0)
            within = phonenumbers.ndd_prefix_for_region(country, True) or ""
            found |= {national, code + national, f"{within}{national}".lstrip("0")}
    # Russia and its neighbours begin numbers within the country with 8, Hungary with 06.
    found |= {
        own[1:]
        for begins, long in (("8", (11,)), ("6", (9, 10)))
        if own.startswith(begins) and len(own) in long
    }
    return frozenset(each for each in found if len(each) >= _LEAST_OF_PHONE)


def telephone_number(text: str) -> str:
    """A telephone number as people of other countries dial it, "+1 415-555-0100"; without a country code, one of the USA.

    Raises ValueError for a number that nobody can have.
    """
    import phonenumbers  # noqa: PLC0415  # loading the country codes takes 20 ms

    try:
        number = phonenumbers.parse(text, _PHONES_AS_IN)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_valid_number(number):
        raise ValueError("A telephone number such as +1 415-555-0100 is expected.")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL))


def dialled(number: str) -> str:
    """A number in the form of `telephone_number` as providers dial it: E.164, "+14155550100"."""
    return "+" + "".join(filter(str.isdigit, number))


def email_address(text: str) -> str:
    """An e-mail address as it is stored: trimmed, without invisible characters, its domain in small letters.

    Raises ValueError for one that mail cannot reach: quoted and non-ASCII names, numeric hosts, names without a dot.
    """
    return str(_checked(text).normalized)


def mailbox_of(address: str) -> str:
    """An e-mail address as mail servers are told it: the domain in ASCII (IDNA 2008). Raises ValueError as `email_address`."""
    return str(_checked(address).ascii_email)


def _checked(text: str) -> ValidatedEmail:
    if (
        "=?" in text
    ):  # mail programs take it for the beginning of an encoded word (RFC 2047) and read another address
        raise ValueError("An e-mail address such as name@example.org is expected.")
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


def masked_address(address: str) -> str:
    """An e-mail address by which its owner knows it and others do not: "m•••a@harbor.example".

    The domain stays: there most mistakes are made. Of one or two letters before the @ only the first is shown.
    """
    name, _, domain = address.rpartition("@")
    return f"{name[:1]}•••{name[-1] if len(name) > 2 else ''}@{domain}"


def _visible(text: str) -> str:
    """The text without outer blanks and invisible characters; joiners stay between letters."""
    kept = "".join(each for each in text if each in _JOINERS or unicodedata.category(each) != "Cf")
    return kept.strip(_JOINERS).strip().strip(_JOINERS)
