"""Names and e-mails of people and accounts get the form in which they are compared, in columns of their own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from services.chassis.migrate import add_columns, fill, replace_index

# Every row must have the key that searches of this version compare with. A later change of it fills the rows again.
from services.contracts.spelling import login_key, phone_key, postal_code_key
from services.identity.models import keys_of

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TABLES = ("people", "accounts")
PHONES = ("home_phone", "mobile_phone", "work_phone")
PERSON_KEYS = (*(f"{name}_key" for name in PHONES), "postal_code_key")
BEFORE = {
    "ix_people_organisation_id_name": ("lower(last_name)", "coalesce(lower(first_name), '')", "id"),
    "ix_accounts_organisation_id_name": (
        "coalesce(lower(last_name), '')",
        "coalesce(lower(first_name), '')",
        "id",
    ),
    "ix_people_organisation_id_email": ("lower(email)",),
    "ix_accounts_organisation_id_email": ("lower(email)",),
}
FIRST, LAST = "ix_people_organisation_id_first_name", "ix_people_organisation_id_last_name"
AFTER = {
    "ix_people_organisation_id_name": ("last_name_key", "first_name_key", "id"),
    "ix_accounts_organisation_id_name": ("last_name_key", "first_name_key", "id"),
    FIRST: ("first_name_key", "last_name_key", "id"),
    "ix_people_organisation_id_email_key": ("email_key",),
    "ix_accounts_organisation_id_email_key": ("email_key",),
    **{f"ix_people_organisation_id_{name}": (name,) for name in PERSON_KEYS},
}


def upgrade() -> None:
    bytewise = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    for table in TABLES:
        names = [
            sa.Column(name, bytewise, nullable=False, server_default="")
            for name in ("first_name_key", "last_name_key")
        ]
        add_columns(table, *names, sa.Column("email_key", bytewise, nullable=True))
    add_columns("people", *(sa.Column(name, bytewise, nullable=False, server_default="") for name in PERSON_KEYS))
    with op.get_context().autocommit_block():
        for table in TABLES:
            fill(op.get_bind(), table, ("first_name", "last_name", "email"), _keys)
        fill(op.get_bind(), "people", (*PHONES, "postal_code"), _person_keys)
        fill(op.get_bind(), "accounts", ("organisation_id", "login_space", "login", "email"), _login)
        for name in (*BEFORE, FIRST, *([LAST] if _is_postgresql() else [])):
            replace_index(name, _table_of(name), None)
        for name, columns in AFTER.items():
            _create(name, columns)


def _keys(row: sa.Row) -> dict[str, str | None]:
    return keys_of(row.first_name, row.last_name, row.email)


def _person_keys(row: sa.Row) -> dict[str, str]:
    keys = {f"{name}_key": phone_key(getattr(row, name)) for name in PHONES}
    return keys | {"postal_code_key": postal_code_key(row.postal_code)}


def _login(row: sa.Row) -> dict[str, str] | None:
    """The login of an account that logs in with its e-mail, unless it is the same or another account has it."""
    if row.email is None or row.login != row.email.strip().casefold() or row.login == login_key(row.email):
        return None
    accounts = sa.table("accounts", *map(sa.column, ("organisation_id", "login_space", "login")))
    same = (row.organisation_id, row.login_space, login_key(row.email))
    taken = sa.select(accounts).where(sa.tuple_(*accounts.c) == sa.tuple_(*map(sa.literal, same)))
    return None if op.get_bind().execute(taken).first() else {"login": login_key(row.email)}


def _table_of(index: str) -> str:
    return index.split("_")[1]


def _create(name: str, columns: tuple[str, ...]) -> None:
    replace_index(name, _table_of(name), ["organisation_id", *map(sa.text, columns)])


def _is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def downgrade() -> None:
    for name in AFTER:
        op.drop_index(name, _table_of(name))
    for table in TABLES:
        with op.batch_alter_table(table) as changed:
            for name in ("first_name_key", "last_name_key", "email_key", *(PERSON_KEYS if table == "people" else ())):
                changed.drop_column(name)
    with op.get_context().autocommit_block():
        for name, columns in BEFORE.items():
            _create(name, columns)
        pattern = " text_pattern_ops" if _is_postgresql() else ""
        _create(FIRST, (f"lower(first_name){pattern}", "lower(last_name)", "id"))
        if _is_postgresql():
            _create(LAST, (f"lower(last_name){pattern}", "coalesce(lower(first_name), '')", "id"))
