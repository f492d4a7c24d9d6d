"""Secrets that are not stored: each is derived from a key that is not in the database."""

from __future__ import annotations

import functools
import hashlib
import hmac
import re
from pathlib import Path
from typing import Any

from services.contracts.spelling import login_key

FILE_NAME = "notifications-secrets.key"
CODE_DIGITS = 6
_SIGNATURE_DIGITS = 32
_TOKEN = re.compile(rf"([0-9a-f]{{32}})[0-9a-f]{{{_SIGNATURE_DIGITS}}}")


def secret_of_webhook(settings: Any, webhook_id: str, secret_number: int) -> bytes:
    """The 32 bytes with which messages to a webhook are signed."""
    return _derived(settings, f"webhook.{webhook_id}.{secret_number}")


def code_of_text_number(settings: Any, text_number_id: str, code_number: int) -> str:
    """The six digits that show who enters them that the telephone is at hand."""
    derived = _derived(settings, f"text_number.{text_number_id}.{code_number}")
    return f"{int.from_bytes(derived[:8]) % 10**CODE_DIGITS:0{CODE_DIGITS}d}"


def token_of_mail(settings: Any, delivery_id: str) -> str:
    """The token of a mail's unsubscribe link. It names the mail and is signed, so nobody else can make one."""
    return delivery_id + _derived(settings, f"unsubscribe.{delivery_id}").hex()[:_SIGNATURE_DIGITS]


def mail_of_token(settings: Any, token: str) -> str | None:
    """The mail whose unsubscribe link has this token; None for a token that we have not made."""
    parts = _TOKEN.fullmatch(token)
    if parts is None or not hmac.compare_digest(token_of_mail(settings, parts[1]), token):
        return None
    return parts[1]


def hash_of_address(settings: Any, organisation_id: str, address: str) -> str:
    """By what a mailbox is known again without its address. All spellings of it have the same hash, in one organisation."""
    return _derived(settings, f"address.{organisation_id}.{login_key(address)}").hex()


def _derived(settings: Any, name: str) -> bytes:
    path = settings.notifications_secrets_key_file
    key = _key(path or str(Path(settings.passport_private_key_file).with_name(FILE_NAME)))
    return hmac.new(key, name.encode(), hashlib.sha256).digest()


@functools.cache
def _key(path: str) -> bytes:
    key = Path(path).read_bytes().strip()
    if len(key) < hashlib.sha256().digest_size:
        raise ValueError(f"{path}: no key in it; `python -m deploy.keys FOLDER` makes one")
    return key
