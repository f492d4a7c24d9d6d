"""The ticker's markup: its HTML, and no other element."""

from __future__ import annotations

import time
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.portals.configuration.ticker import is_safe_address, to_html

LINK = '<a href="https://a.example/x?y=1&amp;z=2" rel="noopener noreferrer">here</a>'
pytestmark = pytest.mark.seed("S2-59")


class Seen(HTMLParser):
    """Tags, attributes and text as a browser parses them."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain & simple", "plain &amp; simple"),
        ("**bold** and *italic*", "<strong>bold</strong> and <em>italic</em>"),
        ("***both***", "<em><strong>both</strong></em>"),
        ("**a *b* c**", "<strong>a <em>b</em> c</strong>"),
        ("[here](https://a.example/x?y=1&z=2)", LINK),
        ("**[here](https://a.example/x?y=1&z=2)**", f"<strong>{LINK}</strong>"),
        (
            "[**us**](mailto:a@b.example)",
            '<a href="mailto:a@b.example" rel="noopener noreferrer"><strong>us</strong></a>',
        ),
        ("2 * 3 = 6", "2 * 3 = 6"),
        ("** **", "** **"),
        ("[x]()", "x"),
        ("a\nb", "a\nb"),
        ("![x](https://a.example)", "!" + LINK.replace("here", "x").replace("/x?y=1&amp;z=2", "")),
        ("[x](javascript:alert(1))", "[x](javascript:alert(1))"),
        ("[x](javascript:alert)", "[x](javascript:alert)"),
        ("# heading `code` ~~no~~", "# heading `code` ~~no~~"),
        ('<b onclick="x">', "&lt;b onclick=&quot;x&quot;&gt;"),
    ],
)
def test_bold_italic_and_links_are_made_and_all_else_shows_as_written(text: str, expected: str) -> None:
    assert to_html(text) == expected


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "//evil.example",
        "/relative",
        "https:///nohost",
        "https://hospital.example@evil.example",
        "https://u:p@evil.example",
        "https://[broken",
        "mailto:nobody",
        "mailto://a@b.example",
        "",
    ],
)
def test_a_link_goes_to_the_web_or_to_a_mailbox_and_nowhere_else(address: str) -> None:
    assert not is_safe_address(address)
    assert Seen(to_html(f"[x]({address})")).tags == []


# Strings that are rich in what markup and HTML are made of.
hostile = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "**",
                "*",
                "[",
                "]",
                "](",
                "(",
                ")",
                "<script>",
                "</script>",
                '"',
                "'",
                ">",
                "<",
                "&",
                "&lt;",
                "&#x22;",
                "https://a.example",
                "javascript:",
                "mailto:a@b.example",
                ' onmouseover="x"',
                "<!--",
                "\\",
                "\n",
                "\x00",
                "`",
                "[x](https://a.example/",
            ]
        ),
        st.text(max_size=5),
    ),
    max_size=30,
).map("".join)


@given(hostile)
def test_no_foreign_tag_or_attribute_gets_through(text: str) -> None:
    markup = to_html(text)
    assert "<script" not in markup.lower()
    for tag, attributes in Seen(markup).tags:
        if tag == "a":
            assert set(attributes) == {"href", "rel"}
            assert attributes["rel"] == "noopener noreferrer"
            assert is_safe_address(attributes["href"] or "")
        else:
            assert tag in ("strong", "em")
            assert attributes == {}


@given(hostile.map(lambda text: text.replace("\x00", "").replace("\r", "")))
def test_every_tag_is_closed_in_its_turn(text: str) -> None:
    assert Seen(to_html(text)).open == []


@given(st.text(alphabet=st.characters(exclude_characters="*_[]()\x00\r", exclude_categories=["Cs"])))
def test_text_without_markup_is_shown_unchanged(text: str) -> None:
    seen = Seen(to_html(text))
    assert (seen.text.split(), seen.tags) == (text.split(), [])  # a browser shows any blanks as one


@pytest.mark.parametrize("piece", ["*", "**", "[", "[a](", "**a", "[a](https://x", "***"])
def test_a_long_message_without_an_end_to_its_markup_is_quick(piece: str) -> None:
    started = time.perf_counter()
    to_html((piece * 500)[:500])
    assert time.perf_counter() - started < 0.5
