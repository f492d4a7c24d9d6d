"""The declaration of operations and events: once, as data.

A service's entrypoints, the gateway's routes, the text of OpenAPI and AsyncAPI, and the authorisation matrix of the tests
derive from the declarations. marshmallow is the only framework used here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from marshmallow import EXCLUDE, RAISE, Schema, fields

from services.contracts import errors
from services.contracts.fields import EVENT_FIELDS

Kind = Literal["command", "query"]
Unknown = Literal["raise", "exclude"]
# What an operation gives to somebody: a level, a role and its permissions, a client's scopes, what holds in a realm, reach
# over a resource or a profile, a way to sign in, emergency access.
Right = Literal["level", "role", "scopes", "realm", "resource", "profile", "sign_in", "emergency"]


@dataclass(frozen=True)
class Access:
    """The access rule of an operation.

    `public`: everybody, without signing in. `signed_in`: any account of a person in the organisation.
    `permission`: accounts that hold this permission. `services`: only these services, for themselves.
    `realms`: only accounts of these realms, whatever permissions others hold; empty means accounts of every realm.
    """

    kind: Literal["public", "signed_in", "permission", "services"]
    permission: str | None = None
    services: tuple[str, ...] = ()
    realms: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.services:
            return f"services: {', '.join(self.services)}"
        who = self.permission or self.kind
        return f"{who}, realms: {', '.join(self.realms)}" if self.realms else who


PUBLIC = Access("public")
SIGNED_IN = Access("signed_in")
# The organisation's own people, and the systems that act for it within their scopes.
STAFF = ("staff", "api")
# The realms of those who use a portal for themselves or for somebody close to them.
PORTAL_REALMS = ("family", "patient", "employee", "applicant")


def signed_in(*realms: str) -> Access:
    """Any account of a person of these realms."""
    return Access("signed_in", realms=realms)


def permission(name: str, *, realms: tuple[str, ...] = ()) -> Access:
    """Accounts that hold the permission `name` (`<noun>.<verb>`), limited to `realms` if any are given."""
    return Access("permission", permission=name, realms=realms)


def only_services(*names: str) -> Access:
    """Only these services, each with its own service passport."""
    return Access("services", services=names)


class Request(Schema):
    """Base of request schemas. It refuses unknown members, and names those that it knows."""

    class Meta:
        unknown = RAISE

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        known = ", ".join(sorted(self.load_fields)) or "none"
        self.error_messages = {**self.error_messages, "unknown": f"Not known here. Possible: {known}."}


class Reply(Schema):
    """Base of reply schemas."""

    class Meta:
        unknown = EXCLUDE


@dataclass(frozen=True)
class Operation:
    """One operation of one service.

    `errors` are the codes it may raise beyond those of every operation (see COMMON_ERRORS).
    `expects_version`: it changes an existing object and requires `If-Match`.
    `honours_version`: it may be sent with `If-Match`, and is refused where that names another version.
    `is_routed`: it has a route on the gateway. False where only the gateway itself or a service calls it.
    `keeps_answer`: the same request id gives the same answer. False where the answer holds a secret.
    `before_consent`: a person may call it before having given the consents that their portal requires.
    `grants`: it gives somebody rights. Nobody gives what they do not hold, and nobody gives to themselves; a test tries
    each operation that is marked so.
    """

    service: str
    name: str
    kind: Kind
    summary: str
    request: Schema
    reply: Schema
    access: Access
    errors: tuple[str, ...] = ()
    status: int = 200
    expects_version: bool = False
    honours_version: bool = False
    keeps_answer: bool = True
    timeout_s: float | None = None
    is_routed: bool = True
    before_consent: bool = False
    grants: Right | None = None

    @property
    def address(self) -> str:
        """Routing key on the wire: `<service>.<name>`."""
        return f"{self.service}.{self.name}"

    @property
    def takes_version(self) -> bool:
        """Whether `If-Match` has a meaning for it."""
        return self.expects_version or self.honours_version

    @property
    def waits_for_consent(self) -> bool:
        """Whether a person whose consents are due is refused."""
        is_for_portals = not self.access.realms or any(realm in PORTAL_REALMS for realm in self.access.realms)
        return self.access.kind in ("signed_in", "permission") and is_for_portals and not self.before_consent

    @property
    def codes(self) -> tuple[str, ...]:
        """Every error code of the operation: declared ones, common ones, and those that its kind implies."""
        version = ("version_required",) * self.expects_version + ("version_conflict",) * self.takes_version
        key = ("idempotency_key_reused",) if self.kind == "command" else ()
        consent = ("consents_due",) * self.waits_for_consent
        return tuple(dict.fromkeys((*COMMON_ERRORS, *self.errors, *version, *key, *consent)))


# Any operation may answer with these: message, passport, schema and access rule are checked before every handler.
COMMON_ERRORS = (
    "invalid_request",
    "malformed_request",
    "request_too_large",
    "unauthenticated",
    "passport_expired",
    "forbidden",
    "service_unavailable",
    "timeout",
    "deadline_passed",
    "internal_error",
)


@dataclass(frozen=True)
class Event:
    """One fact that a service publishes: a name in the past tense, a version, a schema without personal data."""

    service: str
    name: str
    version: int
    summary: str
    schema: Schema

    @property
    def type(self) -> str:
        """CloudEvents `type`."""
        return f"portico.{self.service}.{self.name}.v{self.version}"

    @property
    def exchange(self) -> str:
        """The topic exchange it is published on."""
        return f"{self.service}.events"

    def routing_key(self, organisation_key: str) -> str:
        """`<name>.v<major>.<organisation key>`, so that a subscriber can be limited to one organisation."""
        return f"{self.name}.v{self.version}.{organisation_key}"

    @property
    def binding_key(self) -> str:
        """The binding of our own handlers: this event of every organisation."""
        return f"{self.name}.v{self.version}.*"

    @property
    def schema_file(self) -> str:
        """Name of the frozen JSON Schema below `services/contracts/schemas/`."""
        return f"{self.service}.{self.name}.v{self.version}.json"


class Contract:
    """Everything one service offers and publishes. The modules of its package add their declarations."""

    def __init__(self, service: str, summary: str) -> None:
        self.service = service
        self.summary = summary
        self.operations: dict[str, Operation] = {}
        self.events: dict[str, Event] = {}

    def _declare(
        self, kind: Kind, name: str, summary: str, request: Any, reply: Any, access: Access, **options: Any
    ) -> Operation:
        if name in self.operations:
            raise ValueError(f"{self.service}.{name} is declared twice")
        unknown = [code for code in options.get("errors", ()) if code not in errors.CODES]
        if unknown:
            raise ValueError(f"{self.service}.{name} declares unknown error codes {unknown}")
        shapes = (_schema(request, RAISE, f"{name}_request"), _schema(reply, EXCLUDE, f"{name}_reply"))
        operation = Operation(self.service, name, kind, summary, *shapes, access, **options)
        self.operations[name] = operation
        return operation

    def command(
        self, name: str, summary: str, *, request: Any, reply: Any, access: Access, **options: Any
    ) -> Operation:
        """Declare an operation that changes something."""
        return self._declare("command", name, summary, request, reply, access, **options)

    def query(
        self, name: str, summary: str, *, request: Any, reply: Any, access: Access, **options: Any
    ) -> Operation:
        """Declare an operation that only asks."""
        return self._declare("query", name, summary, request, reply, access, **options)

    def event(self, name: str, summary: str, *, data: dict[str, Any], version: int = 1) -> Event:
        """Declare an event. Only field types that cannot hold free text are allowed in `data`."""
        loose = [key for key, field in data.items() if not isinstance(field, EVENT_FIELDS)]
        if loose:
            raise ValueError(
                f"event {name}: {loose} could hold personal data; use ids, codes, numbers, times and flags"
            )
        event = Event(self.service, name, version, summary, _schema(data, RAISE, f"{name}_v{version}"))
        self.events[f"{name}.v{version}"] = event
        return event


def _schema(shape: Any, unknown: Unknown, name: str) -> Schema:
    """A schema instance from a Schema class, an instance or a dict of fields (which becomes a schema called `name`)."""
    if isinstance(shape, Schema):
        return shape
    if isinstance(shape, type) and issubclass(shape, Schema):
        return shape(unknown=unknown)
    title = "".join(word.capitalize() for word in name.split("_"))
    base = Request if unknown == RAISE else Reply
    return base.from_dict(dict(shape), name=title)()


def health_check(service: str) -> Operation:
    """The operation by which every service reports whether it can work. It answers `{"ok": …, "checks": {…}}`."""
    reply = {
        "ok": fields.Boolean(required=True),
        "checks": fields.Dict(keys=fields.String(), values=fields.Boolean(), required=True),
    }
    shapes = (_schema({}, RAISE, "check_health_request"), _schema(reply, EXCLUDE, "check_health_reply"))
    return Operation(
        service, "check_health", "query", "Whether the service can do its work.", *shapes, PUBLIC
    )


def page_of(item: type[Schema] | Schema) -> type[Schema]:
    """The reply schema of a paged list: `items` and the cursor `next` (null on the last page)."""
    name = item.__name__ if isinstance(item, type) else type(item).__name__
    members: dict[str, Any] = {
        "items": fields.List(fields.Nested(item), required=True),
        "next": fields.String(allow_none=True),
    }
    return type(f"PageOf{name}", (Reply,), members)


def all_operations(contracts: Iterable[Contract]) -> list[Operation]:
    """Every operation of these contracts, in order of declaration."""
    return [operation for contract in contracts for operation in contract.operations.values()]
