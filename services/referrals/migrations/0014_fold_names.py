"""Contact records and resources are found in any spelling; what a source marks as private is set apart."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from services.chassis.migrate import add_columns, fill, has_table, replace_index

# Every row must have the keys that searches of this version compare with. A later change of them fills the rows again.
from services.contracts.spelling import search_key
from services.referrals.directory.rules import is_public
from services.referrals.directory.rules import keys_of as keys_of_resource
from services.referrals.directory.withheld import squeeze
from services.referrals.directory_imports.rules import says_no
from services.referrals.records.rules import keys_of as keys_of_contact_record

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

BYTEWISE = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
RECORD_KEYS = ("first_name_key", "last_name_key", "phone_key", "postal_code_key")
INDEXES = {
    "ix_contact_records_organisation_id_postal_code_key": ("postal_code_key",),
    "ix_contact_records_organisation_id_phone_key": ("phone_key",),
    "ix_contact_records_last_name": ("last_name_key", "first_name_key", "id"),
    "ix_contact_records_first_name": ("first_name_key", "last_name_key", "id"),
}
OLD_INDEX = "ix_contact_records_postal_code"


def upgrade() -> None:
    add_columns(
        "contact_records",
        *(sa.Column(name, BYTEWISE, nullable=False, server_default="") for name in RECORD_KEYS),
    )
    add_columns("resources", sa.Column("is_public", sa.Boolean(), nullable=False, server_default=sa.true()))
    if not has_table("resource_keys"):
        _create_keys()
    op.create_index(op.f("ix_resource_keys_organisation_id"), "resource_keys", ["organisation_id"], if_not_exists=True)
    op.create_index(
        op.f("ix_resource_keys_organisation_id_kind_key"),
        "resource_keys",
        ["organisation_id", "kind", "key"],
        if_not_exists=True,
    )
    with op.get_context().autocommit_block():
        if op.get_bind().dialect.name == "postgresql":
            op.execute('ALTER TABLE resources ALTER COLUMN search_key TYPE text COLLATE "C"')
        fill(
            op.get_bind(),
            "contact_records",
            ("first_name", "last_name", "postal_code", "phone"),
            lambda row: keys_of_contact_record(row.first_name, row.last_name, row.postal_code, row.phone),
        )
        fill(op.get_bind(), "resources", ("organisation_id", "number", "name", "status", "record"), _resource)
        replace_index(OLD_INDEX, "contact_records", None)
        for name, columns in INDEXES.items():
            replace_index(name, "contact_records", ["organisation_id", *columns])


def _create_keys() -> None:
    op.create_table(
        "resource_keys",
        sa.Column("resource_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("key", BYTEWISE, nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["resource_id"], ["resources.id"], name=op.f("fk_resource_keys_resource_id_resources")
        ),
        sa.PrimaryKeyConstraint("resource_id", "kind", "key", name=op.f("pk_resource_keys")),
    )


def _resource(row: sa.Row) -> dict[str, object]:
    is_text = isinstance(row.record, str)  # as SQLite keeps JSON
    record = without_private(json.loads(row.record) if is_text else row.record)
    keys = sa.table("resource_keys", *map(sa.column, ("resource_id", "kind", "key", "organisation_id")))
    own = {"resource_id": row.id, "organisation_id": row.organisation_id}
    found = keys_of_resource({**record, "number": row.number})
    op.get_bind().execute(keys.delete().where(keys.c.resource_id == row.id))
    if found:
        op.get_bind().execute(keys.insert(), [{**own, "kind": kind, "key": key} for kind, key in found])
    values = {"search_key": search_key(row.name), "is_public": is_public(record, row.status)}
    text = json.dumps(record, ensure_ascii=False)
    return values | {"record": text if is_text else sa.cast(sa.literal(text, sa.Text()), postgresql.JSONB)}


def without_private(record: dict) -> dict:
    """A record as an import before this version wrote it, with what it marks as private set apart in `private`.

    The list of phones does not say from which column each came: where a voice number is private, all of them are.
    """
    extra = dict(record.get("extra", {}))
    marked = [
        squeeze(name).removesuffix("isprivate")
        for name, text in extra.items()
        if squeeze(name).endswith("isprivate") and not says_no(text)
    ]
    if not marked and not any(squeeze(name).startswith("internal") for name in extra):
        return record
    beginnings = ("internal", *(mark.removesuffix("address") for mark in marked))
    if "physicaladdress" in marked:
        beginnings += ("latitude", "longitude", "busserviceaccess", "publicaccesstransportation", "map")
    private = {name: extra.pop(name) for name in list(extra) if squeeze(name).startswith(beginnings)}
    rest = {**record, "extra": extra}
    for mark in marked:
        fields = {
            "physicaladdress": ("physical_address", "latitude", "longitude"),
            "mailingaddress": ("mailing_address",),
            "otheraddress": ("other_address",),
            "emailaddressmain": ("email",),
        }.get(mark, ())
        private |= {name: json.dumps(rest.pop(name)) for name in fields if name in rest}
        kinds = _KINDS.get(mark, {"voice"} if mark.startswith("phone") else set())
        of_kind = [phone for phone in rest.get("phones", ()) if phone.get("kind", "voice") in kinds]
        if of_kind:
            private[f"{mark}"] = json.dumps(of_kind)
            rest["phones"] = [phone for phone in rest["phones"] if phone not in of_kind]
    return {name: value for name, value in rest.items() if value not in ([], {})} | {"private": private}


_KINDS = {
    "phonefax": {"fax"},
    "phonetty": {"tty"},
    "phonetollfree": {"toll_free"},
    "phonenumberhotline": {"hotline"},
    "phonenumberbusinessline": {"business"},
    "phonenumberoutofarea": {"out_of_area"},
    "phonenumberafterhours": {"after_hours"},
}


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(name, "contact_records")
    op.drop_table("resource_keys")
    with op.batch_alter_table("resources") as table:
        table.drop_column("is_public")
    with op.batch_alter_table("contact_records") as table:
        for name in RECORD_KEYS:
            table.drop_column(name)
    op.create_index(OLD_INDEX, "contact_records", ["organisation_id", "postal_code"])
