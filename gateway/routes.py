"""A route: an HTTP method, a path, an operation. The operation's declaration has everything else."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from werkzeug.routing import BaseConverter, Map, Rule, UnicodeConverter

from services.contracts.audit import AuditOperations
from services.contracts.declare import Operation

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True)
class Route:
    """`path` names its parameters in braces: `/v1/queues/{queue_id}`.

    `uploads` is the request member that refers to an uploaded file. The HTTP request is then multipart/form-data with the
    part `file`. `downloads`: the reply names a stored file, and the response is that file, of this media type.
    `is_fhir`: the route follows FHIR R4: any query parameter, also repeated ones; errors as OperationOutcome. A search by
    POST has its parameters in a form.
    `has_ndjson`: with `format=ndjson` the response has the objects of all pages of a list, one a line.
    `is_calendar`: the response is the reply's `calendar`, as text/calendar, and it is not sent again to whoever has it (RFC 9110,
    section 13.1.2). Its address may hold a secret (decision 0016).
    `cookie` is "given" where the reply's token becomes the browser's session cookie if the request asks for it
    (`"cookie": true`), and "taken" where the session ends. It is "begun" where the reply's browser key becomes a cookie in
    the same way; that key binds a sign-in with an outside provider to the browser.
    """

    method: Method
    path: str
    operation: Operation
    uploads: str | None = None
    downloads: str | None = None
    cookie: Literal["given", "taken", "begun"] | None = None
    is_fhir: bool = False
    is_calendar: bool = False
    has_ndjson: bool = False

    @property
    def name(self) -> str:
        """The name of the route in the OpenAPI document. FHIR offers each search at two addresses."""
        is_second = self.is_fhir and self.method == "POST"
        return f"{self.operation.name}_by_post" if is_second else self.operation.name

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the path's parameters."""
        return tuple(re.findall(r"{(\w+)}", self.path))

    @property
    def rule(self) -> str:
        """The path as Flask writes it."""
        return re.sub(r"{(\w+)}", r"<\1>", self.path)

    @property
    def takes_body(self) -> bool:
        """Whether arguments may come as a JSON body."""
        return self.method != "GET"

    @property
    def takes_query(self) -> bool:
        """Whether arguments may come in the query string.

        A DELETE may also have a body, but clients and proxies may drop it (RFC 9110, section 9.3.5).
        """
        return self.method in ("GET", "DELETE")


def rule_class(routes: Iterable[Route]) -> type[Rule]:
    """The class of Flask's rules, in which a parameter never takes a word that another route has in its place.

    Otherwise `PATCH /v1/accounts/search` would change the account "search", where only POST is allowed.
    """
    words: Mapping[str, set[str]] = defaultdict(set)
    for route in routes:
        for word in re.finditer(r"(?<=/)[^/{}]+", route.rule):
            words[_place(route.rule[: word.start()])].add(word[0])

    class RouteRule(Rule):
        def get_converter(self, variable_name: str, *_: Any, **__: Any) -> BaseConverter:
            place = _place(self.rule.partition(f"<{variable_name}>")[0])
            return _AnyBut(self.map, words[place])

    return RouteRule


def _place(before: str) -> str:
    return re.sub("<.*?>", "<>", before)


class _AnyBut(UnicodeConverter):
    """A part of a path, other than these words."""

    part_isolating = True

    def __init__(self, of: Map, words: Iterable[str]) -> None:
        super().__init__(of)
        self.regex = (
            f"(?!(?:{'|'.join(map(re.escape, sorted(words)))})$){self.regex}" if words else self.regex
        )


def audit_routes(trail: AuditOperations) -> tuple[Route, ...]:
    """The routes of a service's audit trail: the same for every service."""
    return (
        Route("GET", f"/v1/audit/{trail.service}", trail.search),
        Route("GET", f"/v1/audit/{trail.service}/export", trail.export),
        Route("GET", f"/v1/audit/{trail.service}/checkpoints", trail.checkpoints),
        Route("GET", f"/v1/me/record-openings/{trail.service}", trail.openings),
    )
