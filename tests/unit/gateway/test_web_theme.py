"""Themes: any colour of an organisation becomes readable shades on both grounds."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.web import theme

COLOURS = st.from_regex(r"#[0-9a-f]{6}", fullmatch=True)


@settings(max_examples=200)
@given(COLOURS)
def test_every_colour_becomes_readable_shades(colour: str):
    made = theme.theme_of(colour)

    assert made.colour == colour  # the organisation's own stays as it is
    for shades, ground in ((made.light, theme.LIGHT), (made.dark, theme.DARK)):
        assert theme.contrast(shades.text, ground) >= theme.TEXT
        assert theme.contrast(shades.edge, ground) >= theme.EDGE
        assert theme.contrast(shades.on_accent, shades.accent) >= theme.TEXT
        assert theme.contrast(shades.on_accent, shades.hover) >= theme.TEXT


@pytest.mark.parametrize("colour", ["red", "#12345", "#1234567", "#12345g", "", "#fff;}", "url(x)"])
def test_what_is_no_colour_makes_no_style_sheet(http: FlaskClient, colour: str):
    with pytest.raises(ValueError, match="hexadecimal"):
        theme.theme_of(colour)
    assert http.get(f"/assets/000000000000/theme-{colour}.css").status_code == 404


def test_a_style_sheet_is_kept_for_ever_at_the_address_of_its_content(http: FlaskClient):
    address = theme.address_of("#A00")
    answer = http.get(address)

    assert address.endswith("/theme-aa0000.css")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "--portico-accent:#aa0000" in answer.text
    assert http.get("/assets/000000000000/theme-aa0000.css").status_code == 404
