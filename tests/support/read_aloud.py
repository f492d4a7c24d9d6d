"""Ten journeys as a screen reader reads them: `python -m tests.support.read_aloud` writes them to tests/integration/read_aloud.

A page is its lines in reading order, each with role, name and states as the browser tells assistive technology (W3C Core-AAM).
Whoever changes a page writes the files again and reads what has changed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway.web import SCREENS
from gateway.web.pages import PAGES
from gateway.web.states import MANY_ERRORS, NORMAL, Screen
from tests.support.browser import Browser, running_browser
from tests.support.shown_pages import Shown, ShownPages, address_of, served

FOLDER = Path(__file__).parents[1] / "integration/read_aloud"
# The pages of each journey: normally, or with errors in every field of the form that is named after the comma.
JOURNEYS: Mapping[str, tuple[str, ...]] = {
    "sign_in": ("/sign-in", "/sign-in, sign_in", "/sign-in/step"),
    "answer_a_referral": (
        "/provider/referrals",
        "/provider/referrals/{referral_id}",
        "/provider/referrals/{referral_id}, change_status",
    ),
    "set_capacity": ("/provider/capacity", "/provider/capacity/{program_id}/{line_id}"),
    "read_a_profile_as_family": ("/family", "/family/{person_id}"),
    "send_a_message": (
        "/portal/{portal}/messages",
        "/portal/{portal}/messages/new",
        "/portal/{portal}/messages/new, send_my_message",
    ),
    "book_an_appointment": ("/patient/appointments/new", "/patient/appointments/{appointment_id}"),
    "sign_a_document": ("/signing", "/signing/{document_id}", "/signing/{document_id}, decline"),
    "answer_a_questionnaire": (
        "/portal/{portal}/responses/{response_id}/sections/{section}",
        "/portal/{portal}/responses/{response_id}/sections/{section}, save_answers",
        "/portal/{portal}/responses/{response_id}/review",
    ),
    "answer_a_request": ("/staff/queue", "/staff/queue/{item_id}"),
    "enter_a_contact": ("/staff/intake",),
}
_SILENT = {
    "none",
    "generic",
    "StaticText",
    "InlineTextBox",
    "LineBreak",
    "paragraph",
    "strong",
    "RootWebArea",
}
# What labels a field is read as the field's name.
_READ_AS_NAMES = {"LabelText", "Legend", "caption"}
_AROUND = {"banner", "contentinfo"}
_STATES = (
    "level",
    "checked",
    "expanded",
    "invalid",
    "required",
    "disabled",
    "selected",
    "readonly",
    "pressed",
    "live",
)


def read_aloud(browser: Browser, without: Collection[str] = ()) -> list[str]:
    """The page, a line for each element that is read: its depth, role, name and states. `without` are roles that are left out."""
    nodes = browser.send("Accessibility.getFullAXTree")["nodes"]
    by_id = {each["nodeId"]: each for each in nodes if each.get("role", {}).get("value") not in without}
    return list(_lines(by_id, nodes[0], 0))


def _lines(by_id: Mapping[str, Any], node: Any, depth: int) -> Iterator[str]:
    role = node.get("role", {}).get("value", "none")
    name = " ".join(str(node.get("name", {}).get("value", "")).split())
    is_read = not node.get("ignored") and role not in _SILENT
    # A text is read where no element around it has it as its name.
    if role == "StaticText" and not node.get("ignored") and name and not _is_named(by_id, node, name):
        yield "  " * depth + name
    if is_read:
        told = {each["name"]: each["value"].get("value") for each in node.get("properties", ())}
        states = [
            f"{key}={told[key]}" for key in _STATES if told.get(key) not in (None, False, "false", "off")
        ]
        about = " ".join(str(node.get("description", {}).get("value", "")).split())
        yield "  " * depth + " ".join(
            [role, *([f'"{name}"'] if name else []), *states, *([f"({about})"] if about else [])]
        )
    for each in node.get("childIds", ()):
        if each in by_id:
            yield from _lines(by_id, by_id[each], depth + is_read)


def _is_named(by_id: Mapping[str, Any], node: Any, name: str) -> bool:
    """Whether an element around the text is read by a name that holds it."""
    while (parent := by_id.get(node.get("parentId"))) is not None:
        if parent.get("role", {}).get("value") not in _SILENT and not parent.get("ignored"):
            return name in " ".join(str(parent.get("name", {}).get("value", "")).split())
        node = parent
    return False


def journey(browser: Browser, url: str, name: str) -> str:
    """The pages of a journey, read aloud."""
    parts: list[str] = []
    for each in JOURNEYS[name]:
        browser.send("Page.navigate", url=url + address_of(_shown(each)))
        browser.wait_for("document.readyState === 'complete'")
        without = _READ_AS_NAMES | (_AROUND if parts else set())  # the frame of the pages is read once
        parts.append("\n".join([f"# {each}", *read_aloud(browser, without)]))
    return "\n\n".join(parts) + "\n"


def _shown(name: str) -> Shown:
    address, _, action = name.partition(", ")
    page = next(each for each in (*PAGES, *SCREENS) if each.address == address)
    errors = "many" if action else "none"
    states = page.states if isinstance(page, Screen) else (NORMAL, MANY_ERRORS)
    return Shown(page, next(each for each in states if each.errors == errors), action or None)


def main() -> None:
    """The command."""
    FOLDER.mkdir(exist_ok=True)
    with running_browser() as browser, served(ShownPages()) as url:
        browser.open_page(width=320, height=640)  # as the test does: a phone
        for name in JOURNEYS:
            (FOLDER / f"{name}.txt").write_text(journey(browser, url, name))


if __name__ == "__main__":
    main()
