"""A browser in which somebody is signed in, and what tests of pages do in it, by the keyboard."""

from __future__ import annotations

import json
from dataclasses import dataclass

from deploy.client import Portico
from tests.support.browser import Browser
from tests.support.pages import enter, follow, reach, reach_field, require_good, wait_for_heading
from tests.support.stack import HARBOR, RunningStack


@dataclass
class Console:
    """The browser and the system that it shows."""

    portico: RunningStack
    browser: Browser

    @property
    def api(self) -> Portico:
        """The administrator as a client of the API."""
        return self.portico.admin

    def sign_in(
        self, login: str, *, realm: str = "staff", at: str = "/staff", organisation: str = HARBOR
    ) -> None:
        """Sign in in an empty page, and wait for the page `at`."""
        self.browser.open_page()
        self.show(f"/sign-in?organisation={organisation}&realm={realm}&return_path={at}")
        self.browser.wait_for("document.activeElement.id === 'sign_in-login'")
        self.browser.type(login)
        self.browser.tab_to("sign_in-password")
        self.browser.type(self.portico.password_of(login))
        self.browser.press("Enter")
        self.browser.wait_for(f"location.pathname === '{at}' && document.readyState === 'complete'")

    def sign_in_on_a_phone(
        self, login: str, password: str, at: str, heading: str, realm: str = "patient"
    ) -> None:
        """Sign in in an empty page of a phone's size, and wait for this heading of the page `at`."""
        self.browser.open_page(width=360, height=740)
        self.show(f"/sign-in?organisation={HARBOR}&realm={realm}&return_path={at}")
        enter(self.browser, "E-mail address or username", login)
        enter(self.browser, "Password", password)
        self.browser.press("Enter")
        wait_for_heading(self.browser, heading)

    def show(self, path: str) -> None:
        """Go to an address."""
        self.browser.go(self.portico.stack.public_url + path)
        self.browser.wait_for("document.readyState === 'complete'")

    def open(self, path: str, heading: str) -> None:
        """Go to an address, whose page has this heading and is good."""
        self.show(path)
        wait_for_heading(self.browser, heading)

    def follow(self, words: str, heading: str) -> None:
        """Follow a link to the page with this heading, which is good."""
        follow(self.browser, words)
        wait_for_heading(self.browser, heading)

    def done(self, words: str) -> None:
        """The action that was just sent is told as done, on a page that is good."""
        self.browser.wait_for(f"document.getElementById('done')?.textContent.includes({json.dumps(words)})")
        wait_for_heading(self.browser, "")

    def sends(self, words: str, told: str) -> None:
        """Press a button; what it does is told as done, on a page that is good."""
        follow(self.browser, words)
        self.done(told)

    def refused(self, *words: str) -> None:
        """What was just sent is refused with these words, on a page that is good."""
        self.browser.wait_for("document.activeElement.id === 'error-summary'")
        require_good(self.browser)
        for each in words:
            assert each in self.browser.text, each

    def pick(self, label: str, words: str) -> None:
        """Choose in a drop-down list."""
        reach_field(self.browser, label)
        self.pick_here(words)

    def pick_here(self, words: str) -> None:
        """Choose in the drop-down list that has the focus."""
        for _ in range(40):
            if self.browser.evaluate("document.activeElement.selectedOptions[0].textContent.trim()") == words:
                return
            self.browser.press("ArrowDown")
        raise AssertionError(f"the list does not offer {words}")

    def fill(self, element_id: str, text: str) -> None:
        """Replace what a field has that others of the page share their label with."""
        self.browser.tab_to(element_id, most=300)
        self.browser.evaluate("document.activeElement.select()")
        self.browser.type(text)

    def overfill(self, element_id: str, most: int) -> None:
        """Type one character more than a field takes; then let it have that one, as from a browser without limits."""
        self.fill(element_id, "n" * (most + 1))
        assert self.browser.evaluate("document.activeElement.value.length") == most
        self.browser.evaluate("document.activeElement.removeAttribute('maxlength')")
        self.browser.type("n")

    def tick(self, label: str) -> None:
        """Change a box."""
        reach(self.browser, label)
        self.browser.press(" ")

    def row(self, words: str) -> str:
        """The text of the first table row that has these words."""
        find = f"[...document.querySelectorAll('tbody tr')].find(it => it.textContent.includes({json.dumps(words)}))"
        return " ".join(str(self.browser.evaluate(f"{find}?.innerText ?? ''")).split())

    @property
    def last_of_address(self) -> str:
        """The last part of the page's address: mostly an id."""
        return self.browser.path.partition("?")[0].rpartition("/")[2]
