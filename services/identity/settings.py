"""Settings of identity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from marshmallow import ValidationError, fields, validate

from services.chassis.settings import Networks, ServiceSettings
from services.identity.realms.rules import REALMS


@dataclass(frozen=True)
class PerRealm:
    """A number that may differ between realms. Written as `15` or `15,provider=10`."""

    default: int
    realms: Mapping[str, int] = field(default_factory=dict)

    def of(self, realm: str) -> int:
        """The number that holds for this realm."""
        return self.realms.get(realm, self.default)

    def __str__(self) -> str:
        return ",".join([str(self.default), *(f"{realm}={number}" for realm, number in self.realms.items())])


class PerRealmField(fields.Field[PerRealm]):
    """Reads a PerRealm of numbers from 1 to `most`."""

    def __init__(self, *, most: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._most = most

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> PerRealm:
        default, *others = str(value).split(",")
        realms = {}
        for other in others:
            realm, _, number = other.strip().partition("=")
            if realm not in REALMS:
                raise ValidationError(f"Realms are {', '.join(REALMS)}.")
            realms[realm] = self._number(number)
        return PerRealm(self._number(default), realms)

    def _number(self, text: str) -> int:
        if not text.strip().isdecimal() or not 1 <= int(text) <= self._most:
            raise ValidationError(
                f"A number from 1 to {self._most}, or such as `15,provider=10`, is expected."
            )
        return int(text)


class Settings(ServiceSettings):
    """Settings of the identity service."""

    IDENTITY_DATABASE_URL = fields.String(
        required=True,
        metadata={"help": "address of identity's own database (sqlite:///… or postgresql+psycopg2://…)"},
    )
    SESSION_IDLE_MINUTES = PerRealmField(
        most=1440,
        load_default=PerRealm(15),
        metadata={
            "help": "a session ends after so many minutes without a request; `15,provider=10` sets one realm apart"
        },
    )
    EMERGENCY_ACCESS_MINUTES = fields.Integer(
        load_default=60,
        validate=validate.Range(5, 720),
        metadata={"help": "emergency access to one object ends after so many minutes"},
    )
    EMERGENCY_ACCESSES_PER_DAY = fields.Integer(
        load_default=5,
        validate=validate.Range(1, 100),
        metadata={"help": "how many emergency accesses a person has in a day"},
    )
    IDENTITY_SECRETS_KEY_FILE = fields.String(
        load_default=None,
        metadata={
            "help": "file with the keys that seal second factors, one Fernet key per line, the newest first; "
            "without it: identity-secrets.key beside PASSPORT_PRIVATE_KEY_FILE"
        },
    )
    TRIES_PER_ADDRESS = fields.Integer(
        load_default=30,
        validate=validate.Range(1, 100_000),
        metadata={
            "help": "how many failing log-ins, resets or link tries one address has in a quarter of an hour; raise it "
            "where very many people share an address"
        },
    )
    OUTSIDE_PROVIDER_NETWORKS = Networks(
        load_default=(),
        metadata={
            "help": "ranges (CIDR, separated by commas) of our own network in which outside sign-in providers may be; "
            "without them only the public internet is allowed. http:// works only for this machine, if it is in a range"
        },
    )
    OUTSIDE_PROVIDER_CA_FILE = fields.String(
        load_default=None,
        metadata={
            "help": "PEM file with the authorities against which outside providers' certificates are checked"
        },
    )
    SESSION_ABSOLUTE_HOURS = PerRealmField(
        most=168,
        load_default=PerRealm(12),
        metadata={"help": "a session ends after so many hours in any case; per realm as above"},
    )
    PARTNERS_AMQP_ADDRESS = fields.String(
        load_default=None,
        validate=validate.Regexp(
            r"amqps?://[^\s/@]+/[^\s/]+$",
            error="an address like amqps://broker.example.org:5671/portico-feeds is expected",
        ),
        metadata={
            "help": "address at which partners reach the broker, without user and password; shown to administrators"
        },
    )
    SESSIONS_KEPT_DAYS = fields.Integer(
        load_default=7,
        validate=validate.Range(1, 365),
        metadata={"help": "an ended session is deleted after so many days; the audit trail keeps it"},
    )
    LINK_LIFETIME_MINUTES = PerRealmField(
        most=10080,
        load_default=PerRealm(90),
        metadata={"help": "a link that sets a password can be used for so many minutes; per realm as above"},
    )
