"""Each decision has a number of its own, which its file and its heading name."""

from __future__ import annotations

from deploy.layout import CHECKOUT

DECISIONS = sorted((CHECKOUT / "services" / "decisions").glob("[0-9]*.md"))


def test_every_decision_has_a_number_of_its_own() -> None:
    numbers = [path.name[:4] for path in DECISIONS]
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]
    assert [path.read_text("utf-8")[: len("# 0000")] for path in DECISIONS] == [
        f"# {each}" for each in numbers
    ]
