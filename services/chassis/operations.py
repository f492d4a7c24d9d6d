"""The entrypoint of an operation: it takes a message to a handler and the answer back, as the declaration says."""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

from marshmallow import Schema, ValidationError
from nameko.extensions import Entrypoint
from sqlalchemy.orm import Session

from services.chassis import logs, metrics, request_size, tracing, wire
from services.chassis.database import assert_no_transaction
from services.chassis.inbound import Inbound
from services.chassis.passports import REALM_OF_SYSTEMS, Caller, PassportRefused, in_emergency
from services.chassis.runtime import Runtime
from services.chassis.transactions import transact
from services.chassis.unit_of_work import (
    CLIENT_ADDRESS,
    Replay,
    UnitOfWork,
    audit_row,
    caller_key,
    keep_answer,
    remember,
    stranger_key,
    utc_now,
    without_secrets,
)
from services.contracts.declare import STAFF, Access, Operation
from services.contracts.errors import CODES, Refused, invalid, lacking

T = TypeVar("T")
Problems = Sequence[tuple[str, str]]
"""Pairs of a member's path and the rule that it breaks."""


class Call:
    """One call of one operation: its request, its caller, and the ways to answer it.

    `request` has passed the request schema. `caller` is verified; it is None only where the operation is public.
    """

    def __init__(
        self,
        runtime: Runtime,
        operation: Operation,
        request: Mapping[str, Any],
        caller: Caller | None,
        context: wire.CallContext,
    ) -> None:
        self.runtime = runtime
        self.operation = operation
        self.request = request
        self.caller = caller
        self.context = context

    @property
    def organisation_id(self) -> str | None:
        """The caller's organisation, None for a public operation."""
        return self._organisation[0]

    @property
    def _organisation(self) -> tuple[str | None, str | None]:
        return (self.caller.organisation_id, self.caller.organisation_key) if self.caller else (None, None)

    @functools.cached_property
    def _owner(self) -> str:
        """The owner of this call's request id."""
        if self.caller is not None:
            return caller_key(self.caller)
        return stranger_key(self.runtime.issuer, self.operation, self.operation.request.dump(self.request))

    def read(self, query: Callable[..., Any], *extra: Any) -> Any:
        """Answer with `query(session, caller, *extra, …)`, and the request as `carry_out` hands it over."""
        with self.reading(self.organisation_id) as session:
            answer = carry_out(query, (session, self.caller), self.request, extra)
            return self.operation.reply.dump(answer)

    def check(self, rule: Callable[..., None], *about: Any) -> None:
        """Let `rule(session, caller, *about)` refuse the call before other services are asked."""
        with self.reading(self.organisation_id) as session:
            rule(session, self.caller, *about)

    @contextmanager
    def reading(self, organisation_id: str | None) -> Iterator[Session]:
        """A session that reads, and knows from where the call came. Public operations learn the organisation from their request."""
        with self.runtime.database.reading(organisation_id) as session:
            session.info[CLIENT_ADDRESS] = self.context.client_address
            yield session

    def note_reading(self, action: str, object_type: str, object_id: str, **facts: Any) -> None:
        """Write the audit row of a query (see `UnitOfWork.audit`) and return when it is committed.

        Call it before anything is handed out, so that nothing is shown unaudited. Not inside a transaction.
        """
        self.note_readings(action, object_type, {object_id: facts})

    def note_readings(self, action: str, object_type: str, read: Mapping[str, Mapping[str, Any]]) -> None:
        """The same of several objects, with the facts of each by its id: they are committed together."""
        assert_no_transaction()
        about = (self.caller, self.context, self._organisation, utc_now(), action, object_type)
        rows = [audit_row(*about, object_id, dict(facts)) for object_id, facts in read.items()]
        if rows:
            self.runtime.reading_audit.write(*rows)

    def ask(self, operation: Operation, request: Mapping[str, Any]) -> Any:
        """Call another service within the caller's organisation, before or after `commit`: never inside a transaction."""
        return self.runtime.ask(operation, request, organisation=self._organisation, context=self.context)

    def commit(self, handler: Callable[..., Any], *extra: Any) -> Any:
        """Carry out `handler(unit_of_work, *extra, …)` in one transaction and answer with what it returns.

        `carry_out` hands the request over. A request id that was carried out before gets the answer it got then.
        """
        arguments = without_secrets(self.operation.request, self.operation.request.dump(self.request))

        def work(unit: UnitOfWork) -> Any:
            session, tables = unit.session, self.runtime.tables
            remember(session, tables, self.operation, self._owner, self.context, arguments)
            answer = self.operation.reply.dump(carry_out(handler, (unit,), self.request, extra))
            if self.operation.keeps_answer:
                keep_answer(session, tables, self._owner, self.context, answer)
            return answer

        try:
            return self.transact(work)
        except Replay as replay:
            return replay.answer

    def transact(self, work: Callable[[UnitOfWork], T]) -> T:
        """Run `work(unit_of_work)` in a transaction that is not remembered under the request id.

        It serves two purposes: a change that must outlast a refusal (a counted attempt), and the first steps of an
        operation that needs several transactions, of which `commit` remembers the last.
        """
        return transact(
            self.runtime, work, caller=self.caller, context=self.context, organisation=self._organisation
        )

    def is_repeated(self) -> bool:
        """Whether this request id was carried out before. If so, `answer_again` needs no preparation."""
        with self.runtime.database.reading(None) as session:
            return (
                session.get(self.runtime.tables.Request, (self._owner, self.context.request_id)) is not None
            )

    def answer_again(self) -> Any:
        """The answer of a request that `is_repeated`. Raises Refused `conflict` where it has just been deleted."""
        return self.commit(_too_old)


def _too_old(_unit: UnitOfWork) -> Any:
    raise Refused("conflict", "This request is too old to be repeated.")


def carry_out(
    use_case: Callable[..., T], leading: tuple[Any, ...], request: Mapping[str, Any], extra: tuple[Any, ...]
) -> T:
    """Call a handler or a query with the members of the request that it names.

    A use case names them as keyword-only parameters: `def assign(unit, *, program_id: str, note: str | None)`. A member that
    the request leaves out is not handed over. Where that differs from null, the use case takes such members together as
    `**changes: Unpack[Changes]`, a TypedDict.
    """
    code = use_case.__code__  # type: ignore[attr-defined]  # use cases are functions
    if code.co_flags & inspect.CO_VARKEYWORDS:
        return use_case(*leading, *extra, **request)
    named = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    return use_case(*leading, *extra, **{name: request[name] for name in named if name in request})


class Serves(Entrypoint):  # type: ignore[misc]  # nameko has no types
    """nameko entrypoint of one declared operation. Use as `@serves(operation)` over `def operation(self, call)`."""

    inbound = Inbound()

    def __init__(self, operation: Operation) -> None:
        super().__init__()
        self.operation = operation
        self._series: dict[str, Any] = {}

    def setup(self) -> None:
        if self.method_name != self.operation.name:
            raise ValueError(f"{self.method_name} serves {self.operation.name}: use one name")
        self.runtime = self.container.config["runtime"]
        self.inbound.serve(self.method_name, self)

    def stop(self) -> None:
        self.inbound.drain()

    def take(self, message: Any) -> None:
        """Hand the message to a worker. The connection's reader calls this."""
        self.inbound.spawn(getattr(self.container.service_cls(), self.method_name), self, message)

    def perform(self, service: Any, method: Callable[..., Any], message: Any) -> None:
        """Decode, admit, validate, carry out and answer, in a worker. No exception escapes."""
        started = time.monotonic()
        outcome = "ok"
        span = None
        try:
            context = _context_of(message)
            span = tracing.begin("server", self.operation.address, context.traceparent)
            if span is not None:
                context = replace(context, traceparent=span.traceparent)
            logs.correlation_id.set(context.correlation_id)
            logs.traceparent.set(context.traceparent)
            self.inbound.reply(message, self._answer(service, method, message, context))
        except wire.Undecodable as error:
            outcome = error.reason
            code = "request_too_large" if error.reason == "oversize" else "malformed_request"
            self.inbound.reply(message, error=(code, f"The message cannot be read: {error.reason}.", None))
        except Refused as refusal:
            outcome = refusal.code
            self.inbound.reply(
                message, error=(refusal.code, refusal.detail, refusal.field), more=refusal.more
            )
        except Exception as error:
            # A fault in our code. The caller learns that there was one, the log where; neither shows the request's data.
            outcome = "internal_error"
            logs.log.error(
                "operation_failed",
                operation=self.operation.address,
                error=type(error).__name__,
                where=logs.where(error),
            )
            self.inbound.reply(
                message, error=("internal_error", "The service failed. It has been noted.", None)
            )
        took_s = time.monotonic() - started
        self._observe(outcome, took_s)
        if span is not None:
            span.end(outcome, is_fault=CODES.get(outcome, 0) >= 500)
        if self.operation.kind == "command" or outcome != "ok":
            # Answered queries only count in the metrics: they are many and change nothing.
            logs.log.info(
                "served", operation=self.operation.address, outcome=outcome, ms=round(took_s * 1000, 1)
            )

    def _observe(self, outcome: str, took_s: float) -> None:
        series = self._series.get(outcome)
        if series is None:  # kept, because finding a series by its labels takes longer than adding to it
            series = metrics.CALLS_SERVED.labels(self.operation.service, self.operation.name, outcome)
            self._series[outcome] = series
        series.observe(took_s)

    def _answer(
        self, service: Any, method: Callable[..., Any], message: Any, context: wire.CallContext
    ) -> Any:
        remaining_s = context.remaining_s()
        if remaining_s is not None and remaining_s <= 0:
            raise Refused("deadline_passed", "The caller has given up; nothing was done.")
        payload = wire.decode(message.body, message.properties)
        arguments = payload.get("kwargs") if isinstance(payload, dict) else None
        if not isinstance(arguments, dict) or payload.get("args"):
            raise Refused(
                "malformed_request", "Arguments are passed by name: {'args': [], 'kwargs': {…}} is expected."
            )
        if wire.holds_nul(message.body, arguments):
            raise Refused("invalid_request", "A text holds the character NUL (U+0000). Send it without.")
        caller = admit(self.operation, self.runtime.verifier, context.passport, arguments)
        return method(service, call_of(method, self.runtime, self.operation, arguments, caller, context))


def _context_of(message: Any) -> wire.CallContext:
    """The context in the headers. Raises Undecodable."""
    if message.unreadable:
        raise wire.Undecodable(message.unreadable)
    return wire.CallContext.of(message.headers or {})


def admit(
    operation: Operation, verifier: Any, passport: str | None, arguments: Mapping[str, Any] | None = None
) -> Caller | None:
    """The verified caller, if the declaration admits them. Raises Refused(unauthenticated, passport_expired, forbidden)."""
    access = operation.access
    if access.kind == "public":
        return None
    try:
        caller: Caller = verifier.verify(passport)
    except PassportRefused as error:
        raise Refused(error.code, "A valid passport is needed.") from None
    if access.kind == "permission":
        caller = in_emergency(caller, access.permission or "", arguments or {})
    refusal = (
        _refusal_of_link(operation, caller, arguments or {})
        or _refusal(access, caller)
        or _refusal_before_consent(operation, caller)
    )
    if refusal is not None:
        raise refusal
    return caller


def _refusal(access: Access, caller: Caller) -> Refused | None:
    """Why the declaration does not admit this caller, None if it does."""
    if access.kind == "services":
        if caller.kind != "service" or caller.id not in access.services:
            return Refused("forbidden", "Only services of Portico call this.")
    elif caller.kind != "account":
        return Refused("forbidden", "Services of Portico do not call this.")
    elif access.realms and caller.realm not in access.realms:
        told = f"Only people of these realms may do this: {', '.join(access.realms)}."
        return Refused("forbidden", told, realms=list(access.realms))
    elif access.kind == "permission":
        if access.permission is None or not caller.may(access.permission):
            return lacking(access.permission or "")
    elif caller.realm == REALM_OF_SYSTEMS:
        # A system may do only what its scopes say: an operation for everybody who is signed in is for people.
        return Refused("forbidden", "This is for people, not for API clients.")
    return None


def _refusal_of_link(operation: Operation, caller: Caller, arguments: Mapping[str, Any]) -> Refused | None:
    """Why somebody who came by the link of a mail may not call this, None for everybody else."""
    link = caller.link
    if link is None or (
        operation.address in link.operations and arguments.get(link.member) == link.object_id
    ):
        return None
    return Refused(
        "forbidden", "The link of an e-mail does only what the e-mail says. Sign in for everything else."
    )


def _refusal_before_consent(operation: Operation, caller: Caller) -> Refused | None:
    """Why somebody who has not given the required consents may not call this, None if they may."""
    if not caller.consents_due or operation.before_consent:
        return None
    return Refused(
        "consents_due",
        "Your portal asks for your consent first. Read and sign what is listed under your consents.",
    )


def require_version(operation: Operation, context: wire.CallContext) -> None:
    """Refuse (428) a change without `If-Match`: after 403, as who may not change it needs no version."""
    if operation.expects_version and context.expected_version is None:
        raise Refused("version_required", "Send If-Match with the ETag you have read.", "If-Match")


def call_of(
    method: Callable[..., Any],
    runtime: Runtime,
    operation: Operation,
    arguments: Mapping[str, Any],
    caller: Caller | None,
    context: wire.CallContext,
) -> Call:
    """The call of a request that can be carried out by `method`, as `serves` decorates it.

    Raises Refused(invalid_request), which names each field and rule, and Refused(version_required).
    """
    look: Callable[[Call], Problems] | None = getattr(method, "look_further", None)

    def further(sound: Mapping[str, Any]) -> Problems:
        return look(Call(runtime, operation, sound, caller, context)) if look else []

    request = load(operation.request, arguments, further=further if look else None)
    require_version(operation, context)
    if caller is None or caller.kind == "account":  # a service passes on what its caller gave
        kind, is_known = (caller.client_kind, caller.realm in STAFF) if caller else (None, False)
        # What people outside the staff cause is not to pass for an integration's own.
        context = replace(context, client_kind=kind, reference=context.reference if is_known else None)
    return Call(runtime, operation, request, caller, context)


def load(
    schema: Schema,
    given: Mapping[str, Any],
    path: str = "",
    further: Callable[[Mapping[str, Any]], Problems] | None = None,
) -> dict[str, Any]:
    """What a schema reads. `path` is where the members stand in the request.

    Where the schema refuses some members, `further` is asked what is wrong with the others, so that everything is told at once,
    with its value. Raises Refused(invalid_request), which names each field and rule.
    """
    too_much = request_size.excess(schema, given, path)
    if too_much is not None:
        raise invalid([too_much])
    try:
        return dict(schema.load(given))
    except ValidationError as error:
        told = error.normalized_messages()
    problems = list(_flat(told, path))
    if further is None:
        raise invalid(problems)
    try:
        sound = schema.load(_sound(given, told), partial=True)
    except ValidationError:  # of what is left, too, something does not fit together
        raise invalid(problems) from None
    within = f"{path}." if path else ""
    found = [(f"{within}{place}", rule) for place, rule in further(sound)]
    refused = {place for place, _ in problems}
    problems += [each for each in found if each[0] not in refused]
    raise invalid(problems, {path: given} if path else given)


_BROKEN = object()


def _sound(given: Any, told: Any) -> Any:
    """What is given without the members that a schema has refused; what is left of a list keeps its place."""
    if not isinstance(told, Mapping) or not isinstance(given, Mapping | list):
        return _BROKEN
    if "_schema" in told:  # a rule about several members
        return {}
    if isinstance(given, list):
        parts = [_sound(each, told[place]) if place in told else each for place, each in enumerate(given)]
        return _BROKEN if _BROKEN in parts else parts
    left = {name: _sound(each, told[name]) if name in told else each for name, each in given.items()}
    return {name: each for name, each in left.items() if each is not _BROKEN}


def _flat(messages: Any, path: str = "") -> Any:
    if isinstance(messages, dict):
        for key, value in messages.items():
            yield from _flat(
                value,
                f"{path}.{key}" if path and key != "_schema" else str(key) if key != "_schema" else path,
            )
    else:
        for rule in messages if isinstance(messages, list) else [messages]:
            yield path, str(rule)


def serves(
    operation: Operation, look_further: Callable[[Call], Problems] | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator: this method of a service carries out `operation`. It takes a Call and returns the reply's plain values.

    `look_further`: of a request with members that its schema refuses, what is wrong beside these. It gets a Call with the others.
    """

    def decorate(method: Callable[..., Any]) -> Callable[..., Any]:
        method.look_further = look_further  # type: ignore[attr-defined]  # a function takes attributes

        def worker(self: Any, entrypoint: Serves, message: Any) -> None:
            entrypoint.perform(self, method, message)

        worker.__name__ = method.__name__
        worker.__doc__ = operation.summary
        worker.method = method  # type: ignore[attr-defined]  # lets tests call it without a message
        return Serves.decorator(operation)(worker)  # type: ignore[no-any-return]  # nameko has no types

    return decorate
