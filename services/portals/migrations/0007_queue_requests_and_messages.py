"""Queue requests and messages: message types, conversations, the queue with its archive and its full-text index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# SQLite's index of the words, and the triggers by which it follows the table.
FULL_TEXT = (
    "CREATE VIRTUAL TABLE fts_queue_texts USING fts5(words, content='queue_texts', content_rowid='number', "
    "tokenize='unicode61 remove_diacritics 0')",
    "CREATE TRIGGER fts_queue_texts_inserted AFTER INSERT ON queue_texts BEGIN "
    "INSERT INTO fts_queue_texts(rowid, words) VALUES (new.number, new.words); END",
    "CREATE TRIGGER fts_queue_texts_updated AFTER UPDATE ON queue_texts BEGIN "
    "INSERT INTO fts_queue_texts(fts_queue_texts, rowid, words) VALUES ('delete', old.number, old.words); "
    "INSERT INTO fts_queue_texts(rowid, words) VALUES (new.number, new.words); END",
    "CREATE TRIGGER fts_queue_texts_deleted AFTER DELETE ON queue_texts BEGIN "
    "INSERT INTO fts_queue_texts(fts_queue_texts, rowid, words) VALUES ('delete', old.number, old.words); END",
)


def upgrade() -> None:
    op.create_table(
        "message_types",
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("item_kind", sa.String(length=20), nullable=False),
        sa.Column("sent_from", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("is_received", sa.Boolean(), nullable=False),
        sa.Column("department", sa.String(length=60), nullable=False),
        sa.Column("questionnaire_id", sa.String(length=32), nullable=True),
        sa.Column("helper_action", sa.String(length=40), nullable=False),
        sa.Column("service_hours", sa.Integer(), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "code", name=op.f("pk_message_types")),
    )
    op.create_table(
        "portal_message_types",
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("portal", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sending", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("receiving", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "portal", name=op.f("pk_portal_message_types")),
    )
    op.create_table(
        "queue_settings",
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", name=op.f("pk_queue_settings")),
    )
    op.create_table(
        "threads",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("first_person_id", sa.String(length=32), nullable=False),
        sa.Column("person_name", sa.String(length=202), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=True),
        sa.Column("portal", sa.String(length=40), nullable=True),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("type_name", sa.String(length=60), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.Column("unread", sa.Integer(), nullable=False),
        sa.Column("has_sent", sa.Boolean(), nullable=False),
        sa.Column("has_received", sa.Boolean(), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_threads")),
    )
    with op.batch_alter_table("threads", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_threads_account_id_last_at_id"), ["account_id", "last_at", "id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_threads_first_person_id"), ["first_person_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_threads_organisation_id"), ["organisation_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_threads_person_id_last_at_id"), ["person_id", "last_at", "id"], unique=False
        )

    op.create_table(
        "messages",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("thread_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=True),
        sa.Column("item_id", sa.String(length=32), nullable=True),
        sa.Column("is_from_staff", sa.Boolean(), nullable=False),
        sa.Column("author_id", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("type_name", sa.String(length=60), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_notified", sa.Boolean(), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["thread_id"], ["threads.id"], name=op.f("fk_messages_thread_id_threads")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        sa.UniqueConstraint("thread_id", "number", name=op.f("uq_messages_thread_id_number")),
    )
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_messages_author_id_sent_at"), ["author_id", "sent_at"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_messages_item_id"), ["item_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_messages_organisation_id"), ["organisation_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_messages_person_id_sent_at_id"), ["person_id", "sent_at", "id"], unique=False
        )

    op.create_table(
        "queue_items",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("type_name", sa.String(length=60), nullable=False),
        sa.Column("department", sa.String(length=60), nullable=False),
        sa.Column("questionnaire_id", sa.String(length=32), nullable=True),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("first_person_id", sa.String(length=32), nullable=False),
        sa.Column("person_name", sa.String(length=202), nullable=False),
        sa.Column(
            "person_name_key", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False
        ),
        sa.Column("account_id", sa.String(length=32), nullable=True),
        sa.Column("portal", sa.String(length=40), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("thread_id", sa.String(length=32), nullable=False),
        sa.Column("priority", sa.String(length=20), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("is_waiting", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("dismissed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("assigned_to", sa.String(length=32), nullable=True),
        sa.Column("helper_action", sa.String(length=40), nullable=False),
        sa.Column("action_state", sa.String(length=20), nullable=False),
        sa.Column("result_link", sa.String(length=500), nullable=True),
        sa.Column("reference_type", sa.String(length=64), nullable=True),
        sa.Column("reference_id", sa.String(length=32), nullable=True),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["thread_id"], ["threads.id"], name=op.f("fk_queue_items_thread_id_threads")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_queue_items")),
    )
    with op.batch_alter_table("queue_items", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_queue_items_first_person_id"), ["first_person_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_queue_items_organisation_id"), ["organisation_id"], unique=False)
        batch_op.create_index(
            "ix_queue_items_by_department",
            ["organisation_id", "is_open", "department", "requested_at", "id"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_queue_items_organisation_id_is_open_due_at_id"),
            ["organisation_id", "is_open", "due_at", "id"],
            unique=False,
        )
        batch_op.create_index(
            "ix_queue_items_by_request",
            ["organisation_id", "is_open", "requested_at", "person_name_key", "id"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_queue_items_person_id_requested_at"), ["person_id", "requested_at"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_queue_items_reference_id"), ["reference_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_queue_items_thread_id"), ["thread_id"], unique=False)

    op.create_table(
        "queue_steps",
        sa.Column("item_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("step", sa.String(length=30), nullable=False),
        sa.Column("actor_id", sa.String(length=64), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["item_id"], ["queue_items.id"], name=op.f("fk_queue_steps_item_id_queue_items")
        ),
        sa.PrimaryKeyConstraint("item_id", "number", name=op.f("pk_queue_steps")),
    )
    with op.batch_alter_table("queue_steps", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_queue_steps_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "queue_texts",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("item_id", sa.String(length=32), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["item_id"], ["queue_items.id"], name=op.f("fk_queue_texts_item_id_queue_items")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_queue_texts")),
        sa.UniqueConstraint("item_id", name=op.f("uq_queue_texts_item_id")),
    )
    with op.batch_alter_table("queue_texts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_queue_texts_organisation_id"), ["organisation_id"], unique=False)

    if op.get_bind().dialect.name == "postgresql":
        op.create_index(
            "ix_queue_texts_words",
            "queue_texts",
            [sa.text("to_tsvector('simple'::regconfig, words)")],
            postgresql_using="gin",
        )
    else:
        for statement in FULL_TEXT:
            op.execute(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        op.execute("DROP TABLE fts_queue_texts")
    for table in (
        "queue_texts",
        "queue_steps",
        "queue_items",
        "messages",
        "threads",
        "queue_settings",
        "portal_message_types",
        "message_types",
    ):
        op.drop_table(table)
