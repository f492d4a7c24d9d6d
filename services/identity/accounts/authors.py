"""Authors as others may know them: first name and initial of accounts, names of API clients."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.identity.accounts.rules import author_name
from services.identity.api_clients.models import ApiClient
from services.identity.models import Account


def authors_among(session: Session, ids: Collection[str]) -> list[dict[str, Any]]:
    """The members of the contract's Author for each id, in two statements. Unknown ids are left out.

    Disabled accounts and revoked API clients are named as well.
    """
    columns = (Account.id, Account.realm, Account.first_name, Account.last_name)
    authors = [
        {
            "id": row.id,
            "kind": "account",
            "realm": row.realm,
            "name": author_name(row.first_name, row.last_name),
        }
        for row in session.execute(select(*columns).where(Account.id.in_(ids)))
    ]
    clients = session.execute(select(ApiClient.id, ApiClient.name).where(ApiClient.id.in_(ids)))
    return authors + [
        {"id": row.id, "kind": "api_client", "realm": None, "name": row.name} for row in clients
    ]


def names_among(session: Session, ids: Collection[str]) -> dict[str, str | None]:
    """Names of these accounts and API clients by id."""
    return {author["id"]: author["name"] for author in authors_among(session, set(ids))}
