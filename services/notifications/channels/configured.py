"""The providers that the settings name, by channel and in their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.notifications.channels.email import SmtpSettings
from services.notifications.channels.http_provider import HttpProvider, providers_of
from services.notifications.deliveries import rules


def smtp_servers(settings: Any) -> tuple[SmtpSettings, ...]:
    """The mail servers, in order: `host` or `host:port`. Without SMTP_SECURITY, only one on this machine is used without TLS."""
    return tuple(_smtp_server(settings, each.strip()) for each in settings.smtp_host.split(","))


def _smtp_server(settings: Any, named: str) -> SmtpSettings:
    host, _, port = named.partition(":")
    if not port.isdecimal():  # an IPv6 address has several colons
        host, port = named, str(settings.smtp_port)
    is_local = host in ("127.0.0.1", "::1", "localhost")
    return SmtpSettings(
        host=host,
        port=int(port),
        security=settings.smtp_security or ("none" if is_local else "starttls"),
        username=settings.smtp_username,
        password=settings.smtp_password,
        local_hostname=settings.mail_domain,
    )


def services_of(settings: Any, channel: str) -> tuple[HttpProvider, ...]:
    """The services that are asked by HTTP; none of a channel whose messages go by mail, and of webhooks."""
    if channel == rules.FAX:
        return providers_of(settings.fax_provider_url, settings.fax_provider_key)
    if channel == rules.TEXT:
        return providers_of(settings.text_provider_url, settings.text_provider_key)
    return ()


def names_of_providers(settings: Any, channel: str) -> list[str]:
    """The names of those to whom a channel's messages are handed over: its services, or else the mail servers."""
    if channel == rules.WEBHOOK:
        return []
    providers: Sequence[HttpProvider | SmtpSettings] = services_of(settings, channel) or smtp_servers(
        settings
    )
    return [each.name for each in providers]
