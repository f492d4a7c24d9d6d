"""The pages in all their states, before services that make their answers up. Each state has an address, for a browser."""

from __future__ import annotations

import base64
import contextlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

import flask
from justhtml import JustHTML, Node
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.test import TestResponse
from werkzeug.wrappers import Request, Response

from gateway import cookies
from gateway.api import ROUTES
from gateway.app import create_app
from gateway.web import SCREENS, forms
from gateway.web.page import SEARCH, WHOLE, Page
from gateway.web.pages import PAGES
from gateway.web.states import (
    EMPTY,
    LONG_TEXTS,
    MANY_ERRORS,
    MANY_ROWS,
    NORMAL,
    ONE_ERROR,
    PART_FAILED,
    READ_ONLY,
    Screen,
    State,
)
from services.chassis.wire import CallContext
from services.contracts.declare import Operation
from services.contracts.errors import Refused
from services.contracts.identity import passports
from tests.support.made_up import MadeUp, id_of, merged

_SESSION = "made-up"
_ALL_PERMISSIONS = sorted({each for route in ROUTES if (each := route.operation.access.permission)})
_MISSING = "Missing data for required field."
_BEFORE = "/shown/"
_FRONT_DOOR = Path(__file__).with_name("front_door.json")
# The picture of a document's page: one grey point.
_PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
)


_ERRORS = (ONE_ERROR, MANY_ERRORS)


def states_of(page: Page) -> list[State]:
    """The states that a page of the tables can be in: those that follow from its row, and those that it declares."""
    reads = page.reads.values()
    found = [NORMAL]
    if any("items" in read.operation.reply.fields for read in reads):
        found += [EMPTY, LONG_TEXTS, MANY_ROWS]
    if any(read.without for read in reads):
        found.append(PART_FAILED)
    if any(read.needs for read in reads):
        found.append(READ_ONLY)
    if page.actions:
        found += _ERRORS
    return [*found, *page.states]


@dataclass
class MadeUpServices:
    """The client of a gateway whose services make their answers up, or refuse as the state says."""

    made_up: MadeUp = field(default_factory=lambda: MadeUp(3))
    samples: tuple[Mapping[Operation, Mapping[str, Any]], ...] = ()
    refusals: Mapping[Operation, Refused] = field(default_factory=dict)
    refusal_of_commands: Refused | None = None
    # What the page reads: a search is a command, because its words do not belong in an address.
    asked: frozenset[Operation] = frozenset()
    is_connected: bool = True

    def call(self, operation: Operation, _arguments: Mapping[str, Any], _context: CallContext) -> Any:
        """The answer of an operation. Raises Refused."""
        if operation is passports.issue_passports:
            return {"passports": [{"passport": "made-up", "organisation_id": id_of("organisation_id")}]}
        if operation in self.refusals:
            raise self.refusals[operation]
        if operation.kind == "command" and operation not in self.asked and self.refusal_of_commands:
            raise self.refusal_of_commands
        given: Any = {}
        for each in self.samples:
            given = merged(given, each.get(operation, {}))
        return self.made_up.reply(operation, given)


@dataclass(frozen=True)
class Shown:
    """A page in a state. `action` is that of the form that was sent there, if one was."""

    page: Page | Screen
    state: State
    action: str | None = None

    def __str__(self) -> str:
        return f"{self.page.address}, {self.state.name}" + (f", {self.action}" if self.action else "")


@dataclass(frozen=True)
class Form:
    """A form of a page: its action, where it is sent, what it has, and which fields a person fills in."""

    action: str
    address: str
    members: tuple[tuple[str, str], ...]
    fields: tuple[str, ...]


def application(client: Any, folder: str = "") -> flask.Flask:
    """A gateway before this client."""
    settings = SimpleNamespace(
        gateway_serves="all",
        blob_dir=folder,
        blob_s3_bucket=None,
        max_upload_bytes=2000,
        max_stored_bytes=10_000,
        unused_files_kept_hours=24,
        rpc_timeout_s=5.0,
        gateway_threads=4,
        api_requests_a_minute=3000,
        trusted_proxies=(),
        public_url=None,
        pages_key_file=None,
        live_url=None,
        demo_front_door_file=str(_FRONT_DOOR),
    )
    return create_app(settings, client)


class ShownPages:
    """Shows pages in their states."""

    def __init__(self) -> None:
        self.services = MadeUpServices()
        self.app = application(self.services)
        self._one_at_a_time = threading.Lock()  # the services answer as one state wants it
        self._every: list[Shown] = []

    def every(self) -> list[Shown]:
        """Every page in every state. One that a form leads to comes once for each form."""
        self._every = self._every or [
            each
            for page in (*PAGES, *SCREENS)
            for state in (page.states if isinstance(page, Screen) else states_of(page))
            for each in self._of(page, state)
        ]
        return self._every

    def _of(self, page: Page | Screen, state: State) -> list[Shown]:
        if state.errors == "none":
            return [Shown(page, state)]
        found = [form.action for form in self._forms(page, state) if _is_meant(page, state, form)]
        is_standard = isinstance(page, Page) and state in _ERRORS
        assert found or is_standard, (
            f"{page.address}: no form can be refused as the state {state.name!r} says"
        )
        return [Shown(page, state, name) for name in dict.fromkeys(found)]

    def response(
        self, shown: Shown, chosen: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> TestResponse:
        """The page in this state. `chosen` are cookies of the browser: its language, its theme."""
        if shown.action is None:
            with self._one_at_a_time:
                self._play(shown.page, shown.state)
                return self._get(shown.page, shown.state, chosen, headers)
        form = next(each for each in self._forms(shown.page, shown.state) if each.action == shown.action)
        wrong = form.fields if shown.state.errors == "many" else form.fields[:1]
        told = [{"field": name, "rule": _MISSING} for name in wrong]
        with self._one_at_a_time:
            self._play(shown.page, shown.state)
            self.services.refusal_of_commands = (
                Refused("invalid_request", "The request is not valid.", errors=told)
                if told
                else Refused("conflict", "This cannot be done now.")
            )
            return self._http(shown.page, shown.state, chosen).post(
                form.address, data=_multi(form.members), headers={"Sec-Fetch-Site": "same-origin"}
            )

    def sent(self, shown: Shown, members: Mapping[str, str]) -> TestResponse:
        """What follows the form of the page that has these members, filled in so and carried out."""
        found = self._forms(shown.page, shown.state)
        form = next(each for each in found if members.keys() <= dict(each.members).keys())
        with self._one_at_a_time:
            self._play(shown.page, shown.state)
            answer: TestResponse = self._http(shown.page, shown.state, {}).post(
                form.address,
                data={**_multi(form.members), **members},
                headers={"Sec-Fetch-Site": "same-origin"},
            )
        return answer

    @property
    def made_up(self) -> set[str]:
        """The texts that were made up for what was shown last."""
        return self.services.made_up.texts

    def _play(self, page: Page | Screen, state: State) -> None:
        """Let the services answer as in this state."""
        reads = tuple(page.reads.values()) if isinstance(page, Page) else ()
        needed = sorted({read.needs for read in reads if read.needs})
        me = {
            "permissions": needed if state.is_read_only else _ALL_PERMISSIONS,
            "language": None,
            "appearance": None,
        }
        if isinstance(page, Page) and page.is_for:
            me["realm"] = page.is_for[0]
        refused = {read.operation: read.without[0] for read in reads if read.without and state.fails}
        refused |= state.refused
        self.services.made_up = MadeUp(state.rows, is_long=state.is_long)
        self.services.made_up.texts.update(_strings([page.sample, state.replies, state.kept, state.sealed]))
        self.services.samples = ({passports.describe_me: me}, page.sample, state.replies)
        self.services.refusals = {
            operation: Refused(code, "This cannot be done now.") for operation, code in refused.items()
        }
        self.services.refusal_of_commands = None
        self.services.asked = frozenset(read.operation for read in reads)

    def _forms(self, page: Page | Screen, state: State) -> list[Form]:
        """The forms of the page before one of them is sent."""
        before = replace(state, errors="none", refused={})
        with self._one_at_a_time:
            self._play(page, before)
            html = self._get(page, before, {}).text
        found = parsed(html).query("main form[method=post]")
        return [form for each in found if (form := _form(each, _address(page))) is not None]

    def _get(
        self,
        page: Page | Screen,
        state: State,
        chosen: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
    ) -> TestResponse:
        is_whole = isinstance(page, Page) and page.has_late_parts and state.is_whole
        found: TestResponse = self._http(page, state, chosen).get(
            _address(page),
            query_string={**state.query, **({WHOLE: "1"} if is_whole else {})},
            headers=headers,
        )
        return found

    def _http(self, page: Page | Screen, state: State, chosen: Mapping[str, str]) -> Any:
        http = self.app.test_client()
        protection = self.app.extensions["pages"].protection
        session = _SESSION if isinstance(page, Page) else ""
        jar = {
            name: protection.sealed(dict(members), purpose, 600)
            for (name, purpose), members in state.sealed.items()
        }
        jar |= (
            {"__Host-kept": protection.sealed(dict(state.kept), f"reply of session {session}", 600)}
            if state.kept
            else {}
        )
        jar |= {cookies.NAME: session} if session else {"__Host-visitor": "made-up"}
        for name, value in {**jar, **chosen}.items():
            http.set_cookie(name, value, secure=name.startswith("__Host-"))
        return http


def _strings(given: Any) -> Iterator[str]:
    """All texts within."""
    if isinstance(given, str):
        yield given
    for each in (
        given.values() if isinstance(given, Mapping) else given if isinstance(given, list | tuple) else ()
    ):
        yield from _strings(each)


def parsed(html: str) -> JustHTML:
    """The document, with what is wrong in it."""
    return JustHTML(html, sanitize=False, collect_errors=True)


def _address(page: Page | Screen) -> str:
    if isinstance(page, Page):
        return page.address_with({name: id_of(name) for name in page.parameters})
    return page.address


def _form(element: Node, address: str) -> Form | None:
    """A form as a browser without scripts sends it with its first button. None for one that has no action of the page."""
    members: list[tuple[str, str]] = []
    names: list[str] = []
    for each in element.query("input, textarea, select, button[name]"):
        if each.name == "button" and each is not element.query("button")[0]:
            continue
        given = {name: value or "" for name, value in each.attrs.items()}
        name, kind = given.get("name"), given.get("type")
        if name is None:
            continue
        if kind not in ("hidden", "submit"):
            names.append(name)
        if kind not in ("radio", "checkbox") or "checked" in given:
            members.append((name, _value(each, given)))
    action = dict(members).get(forms.ACTION)
    # A search is not refused: it leads on to the page that shows what was found.
    if action in (None, SEARCH) or "data-link" in element.attrs:
        return None
    return Form(action, element.attrs.get("action") or address, tuple(members), tuple(dict.fromkeys(names)))


def _value(element: Node, given: Mapping[str, str]) -> str:
    if element.name == "textarea":
        return str(element.to_text(strip=False))
    if element.name == "select":
        chosen = element.query("option[selected]") or element.query("option")
        return str(chosen[0].attrs.get("value") or "") if chosen else ""
    return given.get("value", "")


def _is_meant(page: Page | Screen, state: State, form: Form) -> bool:
    if form.action == SEARCH:  # leads on, and is never refused
        return False
    action = page.action(form.action) if isinstance(page, Page) else None
    if action is not None and any(each.operation in state.refused for each in page.actions):  # type: ignore[union-attr]
        return action.operation in state.refused
    return state.errors == "one" or len(form.fields) > 1


def _multi(members: tuple[tuple[str, str], ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in members:
        found.setdefault(name, []).append(value or "")
    return found


def address_of(shown: Shown, **chosen: str) -> str:
    """The address of a page in a state, below that of the server."""
    return f"{_BEFORE}{quote(str(shown), safe='')}?{'&'.join(f'{name}={value}' for name, value in chosen.items())}"


class _Quiet(WSGIRequestHandler):
    def log_request(self, *_: Any) -> None:
        """Say nothing of a request."""


@contextlib.contextmanager
def served(pages: ShownPages) -> Iterator[str]:
    """A server for browsers of this machine: each state at its address, and what they load. Its own address."""
    known = {str(each): each for each in pages.every()}

    def answer(environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        if request.path.endswith("/picture"):
            return Response(_PICTURE, mimetype="image/png")(environ, start_response)
        if request.path.startswith("/made-up/"):
            return Response(status=204)(environ, start_response)  # the browser stays where it is
        if not request.path.startswith(_BEFORE):
            return pages.app.wsgi_app(environ, start_response)
        shown = known[unquote(request.path.removeprefix(_BEFORE))]
        found = pages.response(shown, dict(parse_qsl(request.query_string.decode())))
        return Response(found.data, 200, headers=list(found.headers))(environ, start_response)

    server = make_server("127.0.0.1", 0, answer, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
