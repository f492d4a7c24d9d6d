"""A headless Chromium, driven by the DevTools protocol over a pipe. Its methods are what a person does with a page."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
import selectors
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.eventually import eventually
from tests.support.servers import temporary_folder

PROGRAM = shutil.which("chromium") or shutil.which("google-chrome")
_ANSWERS_WITHIN_S = 30.0
_FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",
    # A container offers no sandbox, and the browser only opens pages of the tests.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    # The browser reaches this machine only, whatever a page links to.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)
# What the page's policy has forbidden, and errors of scripts.
_NOTES_FAULTS = """
window.faults = [];
addEventListener("securitypolicyviolation", it => faults.push(`${it.violatedDirective} ${it.blockedURI}`));
addEventListener("error", it => faults.push(it.message ?? "not loaded: " + it.target.outerHTML), true);
addEventListener("unhandledrejection", it => faults.push(String(it.reason)));
"""


class BrowserError(Exception):
    """The browser did not answer, or a page did not reach the state that the test waited for."""


class Browser:
    """A running browser with one page at a time."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._ids = itertools.count(1)
        self._received = bytearray()
        self._session: str | None = None
        self._context: str | None = None

    def open_page(self, *, width: int = 1024, height: int = 768) -> None:
        """Replace the page by an empty one without cookies."""
        if self._context is not None:
            self._session = None
            self.send("Target.disposeBrowserContext", browserContextId=self._context)
        self._context = self.send("Target.createBrowserContext")["browserContextId"]
        target = self.send("Target.createTarget", url="about:blank", browserContextId=self._context)
        attached = self.send("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        self.send("Page.enable")
        self.send("Network.enable")
        # The focus is shown as in the window that is in front, which it need not be here.
        self.send("Emulation.setFocusEmulationEnabled", enabled=True)
        self.send("Page.addScriptToEvaluateOnNewDocument", source=_NOTES_FAULTS)
        self.show_as()
        self.resize(width, height)

    @contextlib.contextmanager
    def other_tab(self, url: str, *, hides: bool = False) -> Iterator[None]:
        """Another tab of the same browser, with the same cookies: within, all methods are about it. It is left open.

        `hides`: it lies before the others, which are not seen until it is left.
        """
        first = self._session
        if hides:
            self.send("Emulation.setFocusEmulationEnabled", enabled=False)
        target = self.send("Target.createTarget", url=url, browserContextId=self._context)
        attached = self.send("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        try:
            self.send("Page.enable")
            self.send("Page.addScriptToEvaluateOnNewDocument", source=_NOTES_FAULTS)
            self.send("Emulation.setFocusEmulationEnabled", enabled=not hides)
            self.wait_for("document.readyState === 'complete' && location.href !== 'about:blank'")
            yield
        finally:
            self._session = first
            if hides:
                self.send("Page.bringToFront")

    def cut_network(self, *, is_cut: bool = True) -> None:
        """The page has no network, as its browser knows. `is_cut=False`: it has one again."""
        none = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        self.send("Network.emulateNetworkConditions", offline=is_cut, **none)

    def slow_network(self, bytes_per_s: float = -1) -> None:
        """The page sends so many bytes a second. Without a number, as many as there can be."""
        self.send(
            "Network.emulateNetworkConditions",
            offline=False, latency=0, downloadThroughput=-1, uploadThroughput=bytes_per_s,
        )  # fmt: skip

    def resize(self, width: int, height: int) -> None:
        """Give the page this size, in CSS pixels."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip

    def go(self, url: str) -> None:
        """Open an address after an empty page: a change of the fragment alone would not load the page."""
        for address in ("about:blank", url):
            failure = self.send("Page.navigate", url=address).get("errorText")
            if failure:
                raise BrowserError(f"the page did not open: {failure}")

    def show_as(self, **features: str) -> None:
        """Show pages as to a person with these preferences: prefers_color_scheme="dark", forced_colors="active".

        Nothing moves unless prefers_reduced_motion="no-preference" is among them: a colour is judged when it has settled.
        """
        preferred = {"prefers_reduced_motion": "reduce"} | features
        chosen = [{"name": name.replace("_", "-"), "value": value} for name, value in preferred.items()]
        self.send("Emulation.setEmulatedMedia", features=chosen)

    def block(self, *patterns: str) -> None:
        """Let requests to addresses that match fail, as without a network. Without patterns, all requests succeed again."""
        self.send("Network.setBlockedURLs", urls=list(patterns))

    def evaluate(self, expression: str) -> Any:
        """The value of an expression in the page."""
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise BrowserError(answer["exceptionDetails"].get("exception", {}).get("description", expression))
        return answer["result"].get("value")

    def choose_file(self, element_id: str, path: Path) -> None:
        """Choose a file in a form, as the dialogue of the browser does."""
        found = self.send("Runtime.evaluate", expression=f"document.getElementById({json.dumps(element_id)})")
        self.send("DOM.setFileInputFiles", files=[str(path)], objectId=found["result"]["objectId"])

    def wait_for(self, expression: str, *, within_s: float = _ANSWERS_WITHIN_S) -> Any:
        """The expression's value as soon as it is true of a whole page: while the browser leaves one or reads one, it is false."""

        def value() -> Any:
            with contextlib.suppress(BrowserError):
                if found := self.evaluate(f"document.readyState !== 'loading' && ({expression})"):
                    return found
            raise AssertionError

        try:
            return eventually(value, within_s, every_s=0.02)
        except AssertionError:
            raise BrowserError(
                f"{expression} did not come true; the page says: {self.text[:300]!r}"
            ) from None

    def wait_for_text(self, text: str) -> None:
        """Wait until the page shows this."""
        self.wait_for(f"document.body?.innerText.includes({json.dumps(text)})")

    @property
    def text(self) -> str:
        """The visible text of the page."""
        return str(self.evaluate("document.body?.innerText ?? ''"))

    @property
    def path(self) -> str:
        """Path, query and fragment of the page's address."""
        return str(self.evaluate("location.pathname + location.search + location.hash"))

    @property
    def focused(self) -> str:
        """The id of the element that has the focus."""
        return str(self.evaluate("document.activeElement.id"))

    def type(self, text: str) -> None:
        """Type into the element that has the focus."""
        self.send("Input.insertText", text=text)

    def press(self, key: str, *, with_control: bool = False) -> None:
        """Press Tab, Enter, Escape, the space bar, an arrow key, or the key of a letter, digit or sign."""
        code, text = {
            "Tab": (9, ""), "Enter": (13, "\r"), "Escape": (27, ""), "ArrowDown": (40, ""), "ArrowUp": (38, ""),
        }.get(key) or (ord(key.upper()), "" if with_control else key)  # fmt: skip
        for kind in ("keyDown", "keyUp"):
            self.send(
                "Input.dispatchKeyEvent",
                type=kind, key=key, windowsVirtualKeyCode=code, text=text if kind == "keyDown" else "",
                modifiers=2 if with_control else 0,
            )  # fmt: skip

    def tab_to(self, element_id: str, most: int = 40) -> None:
        """Go to an element by the keyboard. Raises BrowserError if the keyboard does not reach it."""
        for _ in range(most):
            if self.focused == element_id:
                return
            self.press("Tab")
        raise BrowserError(f"Tab does not reach {element_id}")

    def picture(self) -> bytes:
        """The page as PNG."""
        return base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"])

    def send(self, method: str, **params: Any) -> Any:
        """The answer to a command of the protocol. Events that arrive before it are skipped."""
        number = next(self._ids)
        message = {"id": number, "method": method, "params": params}
        if self._session is not None and not method.startswith("Target."):
            message["sessionId"] = self._session
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\0")
        self._process.stdin.flush()
        ends_at = time.monotonic() + _ANSWERS_WITHIN_S
        while True:
            answer = self._next(ends_at)
            if answer.get("id") == number:
                break
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error'].get('message')}")
        return answer["result"]

    def _next(self, ends_at: float) -> Any:
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\0" not in self._received:
                if not selector.select(max(0.0, ends_at - time.monotonic())):
                    raise BrowserError("the browser does not answer")
                piece = os.read(self._process.stdout.fileno(), 1 << 16)
                if not piece:
                    raise BrowserError("the browser has ended")
                self._received += piece
        message, _, rest = self._received.partition(b"\0")
        self._received = bytearray(rest)
        return json.loads(message)


@contextlib.contextmanager
def running_browser() -> Iterator[Browser]:
    """A browser with a new profile, deleted afterwards (about 1 s to start)."""
    assert PROGRAM is not None
    with temporary_folder("portico-browser-") as folder:
        # Chromium uses descriptors 3 and 4 for the protocol. The shell duplicates the given ones to them.
        command = ["sh", "-c", 'exec "$@" 3<&0 4>&1 </dev/null >/dev/null', "sh"]
        environ = {**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder / "config")}
        process = subprocess.Popen(
            [*command, PROGRAM, *_FLAGS, f"--user-data-dir={Path(folder, 'profile')}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environ,
        )  # fmt: skip
        try:
            browser = Browser(process)
            browser.open_page()
            yield browser
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    # Chromium ends, with all its processes, when the pipe is closed.
    for stream in (process.stdin, process.stdout):
        assert stream is not None
        stream.close()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
