"""Reads one HSDS entity, with its parts, into a resource record, and collects the problems in it.

Members for which ResourceRecord has no field are kept as extra values under their own names, and exports return them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from services.referrals.directory.hsds_storable import storable
from services.referrals.directory.hsds_tables import KEPT_WHOLE, MAX_NAME, OURS, STATUSES
from services.referrals.directory.rules import (
    Address,
    Level,
    Phone,
    ResourceRecord,
    ResourceStatus,
    TemporaryMessage,
    record_from_json,
)
from services.referrals.directory_imports import hsds_texts as texts
from services.referrals.directory_imports.hsds_privacy import set_private_apart
from services.referrals.directory_imports.hsds_store import our_attributes
from services.referrals.directory_imports.report import Place, Problem

TextOf = Callable[[Mapping[str, Any]], str]
MAX_TEXT, MAX_URL, MAX_EXTRA = 10_000, 2_000, 20_000
_CONTROL = re.compile(r"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]")
# A change in these members alone does not count as a change of the resource.
_NOT_KEPT = frozenset({"id", "last_modified", "metadata", "capacities", "location_type"})


class HsdsRow:
    """One entity: takes its members one by one, collects every problem, and keeps the rest as extra values."""

    def __init__(self, place: Place, body: Mapping[str, Any]) -> None:
        self.place = place
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self._ours = our_attributes(dict(body))
        body, self._private, self._is_hidden = set_private_apart(body)
        self._body = {
            name: value
            for name, value in body.items()
            if name not in _NOT_KEPT and value not in (None, "", [], {})
        }

    def refuse(self, member: str, code: str, message: str) -> None:
        """Note a problem: the entity is not imported."""
        self.problems.append(Problem(self.place.line, member[:80], code, message, self.place.file))

    def warn(self, member: str, code: str, message: str) -> None:
        """Note a reading that had to guess: the entity is imported all the same."""
        self.warnings.append(Problem(self.place.line, member[:80], code, message, self.place.file))

    def record(self, level: Level, number: str, relations: Mapping[str, str | None]) -> ResourceRecord | None:
        """The record, or None if the entity has a problem."""
        if level is not Level.AGENCY and not relations.get("parent_number"):
            self.refuse("organization_id", "parent_missing", "It belongs to no organization of this file.")
        status = self._status(level, relations)
        name = self._name(level, relations)
        values: dict[str, Any] = {
            "number": number,
            "level": level,
            "name": name,
            "status": status,
            "parent_number": relations.get("parent_number"),
            "parent_name": (relations.get("parent_name") or "")[:MAX_NAME],
            "site_number": relations.get("site_number"),
            "program_number": relations.get("program_number"),
            "alternate_name": self._text("alternate_name"),
            "description": self._text("description"),
            "email": self._text("email", 254),
            "website": self._text("website" if level is Level.AGENCY else "url", MAX_URL),
            "eligibility": self._text("eligibility_description"),
            "application_process": self._text("application_process"),
            "fees": self._text("fees_description") or self._joined("cost_options", None, texts.cost_text),
            "temporary_message": self._alert(),
            "phones": self._phones(),
            "hours": self._joined("schedules", "description", texts.schedule_text),
            "coverage_area": self._joined("service_areas", "name", texts.area_text),
            "documents_required": self._joined("required_documents", "document", texts.document_text),
            "accessibility": self._joined("accessibility", "description", texts.accessibility_text),
            "languages": tuple(self._each("languages", "name", texts.language_text)),
            "is_hidden_from_website": self._is_hidden,
            "private": self._private,
            **self._terms(),
            **self._addresses(),
            **self._position(),
        }
        values |= self._kept_values()
        values["extra"] = {**self._extra(), **(values.get("extra") or {})}
        return None if self.problems else ResourceRecord(**values)

    def _status(self, level: Level, relations: Mapping[str, str | None]) -> ResourceStatus:
        if level in (Level.AGENCY, Level.SITE):
            return ResourceStatus.ACTIVE
        if level is Level.PROGRAM_AT_SITE:
            return STATUSES.get(str(relations.get("service_status")).lower(), ResourceStatus.ACTIVE)
        text = self._text("status").lower()
        status = STATUSES.get(text)
        if status is None:
            self.refuse("status", "unknown_status", f"The status must be one of: {', '.join(STATUSES)}.")
            return ResourceStatus.INACTIVE
        if text not in ("active", "inactive"):
            self._body["hsds_status"] = text
        return status

    def _name(self, level: Level, relations: Mapping[str, str | None]) -> str:
        name = " ".join(self._text("name", MAX_NAME).split())
        if name:
            return name
        if level is Level.PROGRAM_AT_SITE and relations.get("service_name"):
            place = relations.get("location_name")
            return f"{relations['service_name']}{f' ({place})' if place else ''}"[:MAX_NAME]
        if level is Level.SITE:
            name = str(self._first_address().get("address_1") or relations.get("parent_name") or "")[
                :MAX_NAME
            ]
        if name.strip():
            self.warn(
                "name", "name_missing", "The name is empty; the address or the organization's name was taken."
            )
            return " ".join(name.split())
        self.refuse("name", "name_missing", "The entry has no name.")
        return ""

    def _text(self, member: str, most: int = MAX_TEXT) -> str:
        value = self._body.get(member)
        if value is None or isinstance(value, dict | list):
            return ""
        text = self._clean(member, value)
        if len(text) > most:
            self.refuse(member, "value_too_long", f"The value has more than {most:,} characters.")
        del self._body[member]
        return text

    def _clean(self, member: str, value: Any) -> str:
        text = value if isinstance(value, str) else json.dumps(value)
        text = text.strip().replace("\r\n", "\n").replace("\r", "\n")
        if not text.isprintable():
            cleaned = _CONTROL.sub("", text)
            if cleaned != text:
                self.warn(member, "control_character", "Control characters were removed from the value.")
            return cleaned
        return text

    def _list(self, member: str) -> list[Mapping[str, Any]]:
        value = self._body.get(member)
        return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []

    def _each(self, member: str, part: str | None, text_of: TextOf) -> list[str]:
        """The text of each entry. The list is also kept whole unless `part` says all that the entries do."""
        entries = self._list(member)
        found = [self._clean(member, text_of(each)) for each in entries]
        if part is not None and all(each.keys() <= {"id", part} for each in entries):
            self._body.pop(member, None)
        return list(dict.fromkeys(text for text in found if text))

    def _joined(self, member: str, part: str | None, text_of: TextOf) -> str:
        return "; ".join(self._each(member, part, text_of))[:MAX_TEXT]

    def _alert(self) -> TemporaryMessage | None:
        text = self._text("alert")
        return TemporaryMessage(text) if text else None

    def _phones(self) -> tuple[Phone, ...]:
        phones = []
        for each in self._list("phones"):
            number = self._clean("phones", each.get("number") or "")
            extension = each.get("extension")
            if sum(letter.isdigit() for letter in number) < 3:
                self.warn("phones", "unreadable_phone", "A number is no telephone number; it was left out.")
                continue
            number = f"{number} ext. {extension}" if extension not in (None, "") else number
            label = self._clean("phones", each.get("description") or "")
            phones.append(Phone(number[:100], str(each.get("type") or "voice")[:40], label[:MAX_NAME]))
        self._body.pop("phones", None)
        return tuple(phones)

    def _terms(self) -> dict[str, tuple[str, ...]]:
        """Taxonomy terms among the attributes. Other attributes are kept; `_kept_values` reads those of Portico's export."""
        terms, others = [], []
        for each in self._list("attributes"):
            term = each.get("taxonomy_term")
            if each.get("link_type") == OURS:
                continue
            if isinstance(term, dict) and isinstance(term.get("name"), str):
                code = self._clean("attributes", term.get("code") or "")
                terms.append((self._clean("attributes", term["name"]) or code, code))
            else:
                others.append(each)
        self._body["attributes"] = others
        terms = [(name, code) for name, code in dict.fromkeys(terms) if name]
        codes = tuple(code for _, code in terms)
        # Codes stand beside the names, an empty one for a term without.
        return {
            "taxonomy_terms": tuple(name for name, _ in terms),
            "taxonomy_codes": codes if any(codes) else (),
        }

    def _first_address(self) -> Mapping[str, Any]:
        return next(iter(self._list("addresses")), {})

    def _addresses(self) -> dict[str, Address]:
        found: dict[str, Address] = {}
        for each in self._list("addresses"):
            wanted = "mailing_address" if each.get("address_type") == "postal" else "physical_address"
            field = wanted if wanted not in found else "other_address"
            if field in found:
                self.warn("addresses", "address_left_out", "Only three addresses of a location are kept.")
                continue
            found[field] = self._address(each)
        self._body.pop("addresses", None)
        return found

    def _address(self, each: Mapping[str, Any]) -> Address:
        members = (
            "attention",
            "address_1",
            "address_2",
            "city",
            "region",
            "state_province",
            "postal_code",
            "country",
        )
        parts = {member: self._clean("addresses", each.get(member) or "")[:MAX_NAME] for member in members}
        return Address(
            line1=parts["address_1"],
            line2=", ".join(filter(None, (parts["attention"], parts["address_2"]))),
            city=parts["city"],
            county=parts["region"],
            region=parts["state_province"],
            postal_code=parts["postal_code"],
            country=parts["country"],
        )

    def _position(self) -> dict[str, float]:
        degrees = {}
        for member, limit in (("latitude", 90), ("longitude", 180)):
            text = self._text(member)
            try:
                degrees[member] = float(text) if text else float("nan")
            except ValueError:
                degrees[member] = float("nan")
            if text and not -limit <= degrees[member] <= limit:
                message = f"The value must be degrees between -{limit} and {limit}; it was left out."
                self.warn(member, "unreadable_position", message)
        is_whole = all(
            -limit <= degrees[each] <= limit for each, limit in (("latitude", 90), ("longitude", 180))
        )
        return degrees if is_whole else {}

    def _kept_values(self) -> dict[str, Any]:
        """Fields that Portico's export keeps as attributes, because HSDS has no exact place for them."""
        kept = {}
        for label, text in self._ours.items():
            try:
                value = json.loads(text) if label not in ("number", "derived") else None
                is_storable = not storable({label: value})[1]
            except (ValueError, RecursionError):
                is_storable = False
            if is_storable:
                kept[label] = value
            else:
                self.warn(
                    "attributes", "unreadable_attribute", "An attribute of an export of ours was changed."
                )
        try:
            values = record_from_json({label: value for label, value in kept.items() if value is not None})
        except (TypeError, ValueError, AttributeError, KeyError):
            self.warn("attributes", "unreadable_attribute", "An attribute of an export of ours was changed.")
            return {}
        return values

    def _extra(self) -> dict[str, str]:
        extra = {}
        for member, value in self._body.items():
            if value in ([], {}):
                continue
            if isinstance(value, dict | list):
                text = json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
                if member not in KEPT_WHOLE or len(text) > MAX_EXTRA:
                    self.warn(
                        member,
                        "member_left_out",
                        "The member has no place in the directory, or is too large.",
                    )
                    continue
            else:
                text = self._clean(member, value)
            extra[member[:80]] = text[:MAX_EXTRA]
        return extra
