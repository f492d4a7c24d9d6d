"""Files and packages of HSDS that cannot be trusted are refused whole."""

from __future__ import annotations

import zipfile

import pytest

from services.referrals.directory_imports import hsds_package
from services.referrals.directory_imports.report import FileRefused
from tests.unit.referrals.hsds_files import (
    a_package,
    reason,
)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"[", "not_json"),
        (b'[{"id": "1"},', "not_json"),
        (b'{"services": [}', "not_json"),
        (b'[{"id": NaN}]', "not_json"),
        (b"[] []", "not_json"),
        (b"[" * 3_000, "not_json"),
        (b'["\xff"]', "undecodable"),
        (b"[]", "no_table"),
        (b'{"services": []}', "no_table"),
        (b"PK\x03\x04 nothing", "not_a_zip"),
        (a_package({}, **{"readme.txt": b"Hello."}), "no_table"),
        (a_package({}, **{"../services.csv": b"id"}), "unsafe_zip"),
        (a_package({}, **{"services.csv": b"id,name,id\n"}), "duplicate_column"),
        (a_package({}, **{"services.csv": b'id,name\n1,"open'}), "not_csv"),
        (a_package({}, **{"services.csv": b"id,name\n1,\xff"}), "undecodable"),
        (a_package({}, **{"datapackage.json": b"{"}), "not_json"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_refused_whole(data: bytes, why: str) -> None:
    assert reason(data) == why


def test_a_zip_that_unpacks_to_far_more_is_refused_before_it_is_unpacked() -> None:
    assert reason(a_package({}, **{"services.csv": b"\0" * 20_000_000})) == "unsafe_zip"


def test_a_zip_of_too_many_files_or_bytes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert reason(a_package({}, **{f"{number}.csv": b"" for number in range(101)})) == "unsafe_zip"
    monkeypatch.setattr(hsds_package, "MAX_BYTES", 10)
    assert reason(a_package()) == "unsafe_zip"


def a_member(
    name: str = "services.csv", *, size: int = 1, packed: int = 1, flags: int = 0
) -> zipfile.ZipInfo:
    """What a package says about one of its files."""
    member = zipfile.ZipInfo("x")
    member.filename, member.file_size, member.compress_size, member.flag_bits = name, size, packed, flags
    return member


@pytest.mark.parametrize(
    ("member", "is_safe"),
    [
        (a_member(), True),
        (a_member("data/services.csv"), True),
        (a_member("data..services.csv"), True),
        (a_member("/services.csv"), False),
        (a_member("\\services.csv"), False),
        (a_member("data/../services.csv"), False),
        (a_member("data\\..\\services.csv"), False),
        (a_member("C:services.csv"), False),
        (a_member("da\tta/services.csv"), False),
        (a_member("services.csv\x7f"), False),
        (a_member("Añoñuevo\u00a0/services.csv"), True),
        (a_member(flags=0x800), True),  # its name is UTF-8
        (a_member(flags=0x801), False),
        (a_member(size=1_000_001, packed=1), False),
        (a_member(size=1_000_000, packed=1), True),
        (a_member(size=2 * hsds_package.MAX_RATIO * 10_000, packed=20_000), True),
        (a_member(size=2 * hsds_package.MAX_RATIO * 10_000 + 1, packed=20_000), False),
        (a_member(size=2_000_000, packed=0), False),
    ],
)
def test_each_sign_of_an_unsafe_file_is_enough(member: zipfile.ZipInfo, *, is_safe: bool) -> None:
    assert 2 * hsds_package.MAX_RATIO * 10_000 > 1_000_000
    if is_safe:
        hsds_package._check([member])
        return
    with pytest.raises(FileRefused) as refused:
        hsds_package._check([member])
    assert refused.value.reason == "unsafe_zip"


def test_a_package_is_safe_up_to_its_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hsds_package, "MAX_FILES", 3)
    monkeypatch.setattr(hsds_package, "MAX_BYTES", 30)
    hsds_package._check([a_member(size=10)] * 3)
    for members in ([a_member()] * 4, [a_member(size=10), a_member(size=21)]):
        with pytest.raises(FileRefused) as refused:
            hsds_package._check(members)
        assert refused.value.reason == "unsafe_zip"


def test_a_damaged_package_is_refused() -> None:
    data = bytearray(a_package())
    data[60] ^= 0xFF

    assert reason(bytes(data)) == "not_a_zip"
