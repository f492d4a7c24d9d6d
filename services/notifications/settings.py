"""Settings of notifications."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from services.chassis.settings import Networks, ServiceSettings
from services.contracts.errors import Refused
from services.notifications.channels import email, http_provider


def mail_domain(mail_from: str) -> str:
    """The domain of an address or `Name <address>`, in lower-case ASCII. Raises Refused if mail cannot be sent from it."""
    # Building a message runs the check that each message has to pass later.
    message = email.build("check", mail_from, "check@portico.example", "check", "check")
    (sender,) = message["From"].addresses
    return str(sender.domain)


def _is_mailbox(value: str) -> None:
    try:
        mail_domain(value)
    except Refused:
        raise ValidationError("an address, or a name and an address in <>, is expected") from None


def _mail_domain(told: str) -> fields.String:
    return fields.String(
        load_default=None,
        validate=validate.Regexp(
            r"[A-Za-z0-9.-]{1,253}\Z", error="a domain such as fax.example.org is expected"
        ),
        metadata={"help": told},
    )


_IS_URL = validate.URL(schemes={"http", "https"}, require_tld=False)


def _are_providers(value: str) -> None:
    providers = http_provider.providers_of(value, None)
    if not providers:
        raise ValidationError("an address is expected")
    for each in providers:
        _IS_URL(each.url)
    if len({each.name for each in providers}) < len(providers):
        raise ValidationError("each provider has a host and port of its own")


def _provider_urls(told: str) -> fields.String:
    return fields.String(load_default=None, validate=_are_providers, metadata={"help": told})


class Settings(ServiceSettings):
    """Settings of notifications."""

    NOTIFICATIONS_DATABASE_URL = fields.String(required=True, metadata={"help": "SQLite or PostgreSQL"})
    SMTP_HOST = fields.String(
        required=True,
        metadata={
            "help": "mail server, or several, separated by commas, each with `:port` where it has another one"
        },
    )
    SMTP_PORT = fields.Integer(
        load_default=587, validate=validate.Range(1, 65535), metadata={"help": "its port"}
    )
    SMTP_USERNAME = fields.String(load_default=None, metadata={"help": "log in to the mail server as"})
    SMTP_PASSWORD = fields.String(load_default=None, metadata={"help": "with this password"})
    SMTP_SECURITY = fields.String(
        load_default=None,
        validate=validate.OneOf(["none", "starttls", "tls"]),
        metadata={
            "help": "`none`, `starttls` or `tls`; unset is `none` for a server on this machine, else `starttls`"
        },
    )
    MAIL_FROM = fields.String(
        required=True, validate=_is_mailbox, metadata={"help": "sender: an address or `Name <address>`"}
    )
    DKIM_KEY_FILE = fields.String(
        load_default=None,
        metadata={
            "help": "private key (PEM, RSA or Ed25519) with which mails are signed by DKIM for the domain of MAIL_FROM; "
            "none where a relay signs"
        },
    )
    DKIM_SELECTOR = fields.String(
        load_default=None,
        validate=validate.Regexp(
            r"[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?\Z", error="a selector such as 2026a is expected"
        ),
        metadata={"help": "where its public key stands in DNS: <selector>._domainkey.<domain>"},
    )
    FAX_MAIL_DOMAIN = _mail_domain(
        "domain of a mail-to-fax service: a fax goes to <number>@<domain>; without one, faxes fail and are printed"
    )
    MAIL_BOUNCES_TO = fields.String(
        load_default=None,
        validate=validate.Regexp(
            r"[A-Za-z0-9._-]{1,12}@[A-Za-z0-9.-]{1,253}\Z",
            error="an address such as bounces@example.org, with at most 12 characters before the @, is expected",
        ),
        metadata={
            "help": "mails that cannot be delivered return to this address, with the delivery's id after a +; "
            "its mailbox hands them to `python -m deploy.bounce`"
        },
    )
    FAX_PROVIDER_URL = _provider_urls(
        "a fax service that is asked by HTTP (`channels/http_provider.py`), or several, separated by commas; they go before "
        "FAX_MAIL_DOMAIN"
    )
    FAX_PROVIDER_KEY = fields.String(
        load_default=None,
        metadata={
            "help": "its key, sent as a bearer token; of several services, as many keys, separated by commas"
        },
    )
    TEXT_MAIL_DOMAIN = _mail_domain(
        "domain of a mail-to-text service: a text message goes to <number>@<domain>; without one, none is offered"
    )
    TEXT_PROVIDER_URL = _provider_urls(
        "a service for text messages that is asked by HTTP, or several, as FAX_PROVIDER_URL; they go before TEXT_MAIL_DOMAIN"
    )
    TEXT_PROVIDER_KEY = fields.String(
        load_default=None,
        metadata={
            "help": "its key, sent as a bearer token; of several services, as many keys, separated by commas"
        },
    )
    PROVIDER_REPORTS_KEY = fields.String(
        load_default=None,
        validate=validate.Length(min=32),
        metadata={
            "help": "secret with which providers, and the mailbox of MAIL_BOUNCES_TO, sign their reports; "
            "without one none is taken"
        },
    )
    WEBHOOK_NETWORKS = Networks(
        load_default=(),
        metadata={
            "help": "ranges (CIDR, separated by commas) of our own network in which subscribers of webhooks may be; "
            "none by default"
        },
    )
    NOTIFICATIONS_SECRETS_KEY_FILE = fields.String(
        load_default=None,
        metadata={
            "help": "file with the key from which the secrets of webhooks are derived; by default "
            "notifications-secrets.key beside the passport key"
        },
    )
    SENDERS = fields.Integer(
        load_default=4,
        validate=validate.Range(1, 64),
        metadata={"help": "messages sent at once, in each channel"},
    )
    DELIVERIES_KEPT_DAYS = fields.Integer(
        load_default=365,
        validate=validate.Range(30, 3650),
        metadata={"help": "a finished delivery is deleted after so many days"},
    )
    CLIENT_MESSAGES_A_DAY = fields.Integer(
        load_default=250_000,
        validate=validate.Range(1, 10_000_000),
        metadata={
            "help": "messages that the API clients of an organisation may cause in a day (UTC); the rest waits for the next"
        },
    )
    LEASE_S = fields.Integer(
        load_default=120,
        validate=validate.Range(1, 3600),
        metadata={
            "help": "a message without a result is sent again after this time; longer than a slow mail server takes"
        },
    )

    @validates_schema
    def _each_provider_has_a_key(self, data: dict[str, Any], **_: Any) -> None:
        for channel in ("FAX", "TEXT"):
            try:
                http_provider.providers_of(
                    data.get(f"{channel}_PROVIDER_URL"), data.get(f"{channel}_PROVIDER_KEY")
                )
            except ValueError:
                raise ValidationError(
                    "there are as many keys as services", f"{channel}_PROVIDER_KEY"
                ) from None

    @validates_schema
    def _mails_are_signed_by_a_named_key(self, data: dict[str, Any], **_: Any) -> None:
        if bool(data.get("DKIM_KEY_FILE")) != bool(data.get("DKIM_SELECTOR")):
            raise ValidationError("the key and its selector are given together", "DKIM_SELECTOR")
