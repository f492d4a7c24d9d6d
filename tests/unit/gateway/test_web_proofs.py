"""A page that may be read only after a fresh proof asks for it, and then goes on to what was asked for."""

from __future__ import annotations

from tests.support.shown_pages import ShownPages, parsed

ADDRESS = "/staff/audit/export"
QUERY = "action=account.created&format=fhir"


def test_a_page_that_needs_a_proof_is_shown_after_it_with_its_query() -> None:
    pages = ShownPages()
    shown = next(each for each in pages.every() if str(each) == f"{ADDRESS}, proof")
    pages.response(shown, {})  # the services refuse as in this state
    http = pages._http(shown.page, shown.state, {})
    asked = parsed(http.get(f"{ADDRESS}?{QUERY}").text)
    (heading,) = asked.query("h1")
    assert heading.to_text() == "Is it you?"
    form = asked.query("main form")[0]
    members = {
        each.attrs["name"]: each.attrs.get("value") or ""
        for each in form.query("input")
        if each.attrs.get("type") == "hidden"
    }
    answer = http.post(
        form.attrs["action"], data={**members, "code": "123456"}, headers={"Sec-Fetch-Site": "same-origin"}
    )
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{ADDRESS}?{QUERY}")
