"""Countries as ISO 3166-1 alpha-2 codes, which HSDS 3.1 requires of addresses."""

from __future__ import annotations

from collections.abc import Mapping

# The spellings in which 211 systems write these countries, in lower case and without full stops.
_NAMES = {
    "uk": "GB",
    "usa": "US",
    "united states": "US",
    "united states of america": "US",
    "can": "CA",
    "canada": "CA",
    "mex": "MX",
    "mexico": "MX",
    "puerto rico": "PR",
}
_STATES = (
    "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI "
    "SC SD TN TX UT VT VA WA WV WI WY"
)
_PROVINCES = "AB BC MB NB NL NS NT NU ON PE QC SK YT"


def country_code(address: Mapping[str, str]) -> str | None:
    """The code of an address's country; where the country is empty, that of its state or province. None if unknown."""
    country = address.get("country", "").replace(".", "").strip()
    if not country:
        region = address.get("region", "").strip().upper()
        return "US" if region in _STATES.split() else "CA" if region in _PROVINCES.split() else None
    is_code = len(country) == 2 and country.isascii() and country.isalpha()
    return _NAMES.get(" ".join(country.lower().split()), country.upper() if is_code else None)
