"""The check that migrations since the last release only expand: it finds nothing in this tree, and names each planted fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.checks import expansion

CREATED = "op.create_table('fresh', sa.Column('id', sa.String(32), nullable=False))\n    "


def planted(folder: Path, upgrade: str, more: str = "") -> list[str]:
    migrations = folder / "toy" / "migrations"
    migrations.mkdir(parents=True)
    text = f"revision = '0002'\n{more}\ndef upgrade():\n    {upgrade}\n\ndef downgrade():\n    op.drop_table('things')\n"
    (migrations / "0002_change.py").write_text(text)
    (migrations / "0001_create.py").write_text("def upgrade():\n    op.drop_table('long_gone')\n")
    return expansion.problems(folder, {"toy": "0001"})


def test_this_tree_only_expands() -> None:
    assert expansion.problems() == []


@pytest.mark.parametrize(
    ("upgrade", "named"),
    [
        ("op.drop_table('things')", "drops the table things"),
        ("op.rename_table('things', 'objects')", "renames the table things"),
        ("op.drop_column('things', 'colour')", "drops the column things.colour"),
        ("op.alter_column('things', 'colour', new_column_name='tint')", "renames the column things.colour"),
        (
            "op.alter_column('things', 'colour', nullable=False)",
            "forbids the column things.colour to be empty",
        ),
        (
            "op.add_column('things', sa.Column('size', sa.Integer(), nullable=False))",
            "adds the column things.size, which must not be empty",
        ),
        ("op.execute('ALTER TABLE things RENAME COLUMN a TO b')", "says RENAME COLUMN"),
        ("op.execute(sa.text('drop  table things'))", "says DROP TABLE"),
        (
            "with op.batch_alter_table('things') as batch:\n        batch.drop_column('colour')",
            "drops the column things.colour",
        ),
    ],
)
def test_what_takes_away_is_refused_unless_the_revision_says_why(
    tmp_path: Path, upgrade: str, named: str
) -> None:
    [problem] = planted(tmp_path / "silent", upgrade)
    assert problem.startswith(f"services/toy/migrations/0002_change.py: it {named}")
    assert "contracts =" in problem
    assert planted(tmp_path / "reasoned", upgrade, "contracts = 'nothing has read it since 1.3'\n") == []
    assert len(planted(tmp_path / "empty", upgrade, "contracts = ''\n")) == 1


@pytest.mark.parametrize(
    "upgrade",
    [
        "op.add_column('things', sa.Column('size', sa.Integer()))",
        "op.add_column('things', sa.Column('size', sa.Integer(), nullable=False, server_default='0'))",
        "op.alter_column('things', 'colour', nullable=True)",
        f"{CREATED}op.drop_table('fresh')",
        f"{CREATED}op.add_column('fresh', sa.Column('size', sa.Integer(), nullable=False))",
        "op.add_column('things', sa.Column('size', sa.Integer()))\n    op.drop_column('things', 'size')",
    ],
)
def test_what_expands_or_undoes_an_expansion_is_fine(tmp_path: Path, upgrade: str) -> None:
    assert planted(tmp_path, upgrade) == []
