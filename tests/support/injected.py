"""Texts that break out of a statement, a search or a pattern where a text is put together instead of bound."""

from __future__ import annotations

from collections.abc import Iterator

SLEEPS_S = 3
_CLOSINGS = ("'", '"', "')", '")', "'))", "`", "]", "\\'", "%27", "\u02bc", "\uff07", "';", "", "1", "-1")
_CLAUSES = (
    " OR 1=1",
    " OR 'a'='a",
    " AND 1=2",
    " UNION SELECT NULL",
    " UNION SELECT NULL,NULL,NULL",
    " UNION ALL SELECT login,password_hash FROM accounts",
    " ORDER BY 99",
    "; DROP TABLE audit",
    "; DELETE FROM requests",
    f" AND pg_sleep({SLEEPS_S}) IS NULL",
    f"||(SELECT pg_sleep({SLEEPS_S}))||",
    " AND 1=(SELECT count(*) FROM sqlite_master)",
    " AND randomblob(900000000) IS NULL",
)
# Texts with a meaning in a pattern (LIKE), a full-text search, a path within JSON, a parameter of a driver.
_OTHERS = (
    "%", "_", "\\", "%%", "\\%", "[a-z]", "^", "*", "a*", '"', '"a', 'a" OR b', "NEAR(a b)", "col:a", "{a b}:c", "a AND", "NOT", "OR",
    "-a", "+a", "a & b", "a | b", "!a", "a <-> b", ":*", "a:B", "()", "(", ")", "$.a", "$[0]", '$."a', "{", "}", "{}", "[1,2]",
    ":a", ":1", "%s", "%(a)s", "?", "?1", "@a", "$1", "#{a}", "${a}", "NULL", "null", "0x41", "1e999", "NaN", "-0",
    "9" * 30, "a\nb", "a\tb", "a\rb", "\u2028", "\u202e", "\ufeff", "\ud7ff", "\U0010ffff", "a\x00b", "\x1a", "\x7f", "é" * 40,
)  # fmt: skip


def payloads() -> list[str]:
    """Two hundred of them and a few more."""
    return [*dict.fromkeys([*_joined(), *_OTHERS])]


def _joined() -> Iterator[str]:
    for place, closing in enumerate(_CLOSINGS):
        for clause in _CLAUSES:
            yield f"{closing}{clause}{(' --', '#', '/*', '')[place % 4]}"
