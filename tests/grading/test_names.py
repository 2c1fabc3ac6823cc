"""What names say: dates as dates, attempts as attempts, and a name's bytes as what tells two students apart."""

from __future__ import annotations

import os

import pytest

from tools.grading import names, results, tables
from tools.grading.names import UNCLEAR, Named, is_newer, read_name, shown

KNOWN = ("01_groups", "02_equivariance")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("01_groups.ipynb", Named("01_groups", False, (), 0, 0)),
        ("12345_late_98765_01_groups-2.ipynb", Named("01_groups", True, (), 2, 98765)),
        ("doejane_LATE_12_34_01-groups.ipynb", Named("01_groups", True, (), 0, 34)),
        ("01_groups (1).ipynb", Named("01_groups", False, (), 1, 0)),
        ("01 groups copy.ipynb", Named("01_groups", False, (), 0, 0)),
        ("01_Groups (2) copy.IPYNB", Named("01_groups", False, (), 2, 0)),
        ("01_groups-1.ipynb", Named("01_groups", False, (), 1, 0)),
        ("01_groups-3.ipynb.txt", Named("01_groups", False, (), 3, 0)),
        ("01_groups-3.zip", Named("01_groups", False, (), 3, 0)),
        ("01_groups_final.ipynb", Named("01_groups", False, (), 0, 0)),
        (
            "HW_ab12_attempt_2026-11-20-14-05-33_02_equivariance.ipynb",
            Named("02_equivariance", False, (2026, 11, 20, 14, 5, 33), 0, 12),
        ),
        ("2026-11-20-14-05_02_equivariance.ipynb", Named("02_equivariance", False, (2026, 11, 20, 14, 5), 0, 0)),
        ("Chocolate_02_equivariance.ipynb", Named("02_equivariance", False, (), 0, 0)),
        ("101_groups.ipynb", Named(None, False, (), 0, 0)),
        ("homework.ipynb", Named(None, False, (), 0, 0)),
        ("my\n01_groups-2\n.ipynb", Named("01_groups", False, (), 2, 0)),
    ],
)
def test_names_are_read_as_systems_write_them(name: str, expected: Named) -> None:
    assert read_name(name, KNOWN) == expected


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-20", (2026, 11, 20)),
        ("2026-1-2", (2026, 1, 2)),
        ("2026_11_20", (2026, 11, 20)),
        ("20261120", (2026, 11, 20)),
        ("20261120T140533", (2026, 11, 20, 14, 5, 33)),
        ("20261120140533", (2026, 11, 20, 14, 5, 33)),
        ("202611201405", (2026, 11, 20, 14, 5)),
        ("2026-11-20 9-05", (2026, 11, 20, 9, 5)),
        ("2026-11-20_9.05.07", (2026, 11, 20, 9, 5, 7)),
        ("2026-11-20 at 2.05.33 PM", (2026, 11, 20, 14, 5, 33)),
        ("Nov 20, 2026 305 PM", (2026, 11, 20, 15, 5)),
        ("20 November 2026", (2026, 11, 20)),
        ("20.11.2026", (2026, 11, 20)),
        ("11.12.2026", (2026, 12, 11)),
        ("25-11-2026", (2026, 11, 25)),
        ("11-25-2026", (2026, 11, 25)),
        ("11-12-2026", UNCLEAR),
        ("20-11-26", UNCLEAR),
        ("2026-13-45", ()),
        ("20261399", ()),
    ],
)
def test_dates_are_read_as_dates(text: str, moment: tuple[int, ...]) -> None:
    for name in (f"01_groups_{text}.ipynb", f"{text} 01_groups.ipynb"):
        assert read_name(name, KNOWN).moment == moment, name
        if moment:
            assert read_name(name, KNOWN).number == 0, "the day is no attempt's number"


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("01_groups.ipynb", "01_groups-1.ipynb"),
        ("01_groups-9.ipynb", "01_groups-10.ipynb"),
        ("01_groups.ipynb", "01_groups (1).ipynb"),
        ("1_100_01_groups.ipynb", "1_late_101_01_groups.ipynb"),
        ("a_2026-11-20-14-05-33_01_groups.ipynb", "a_2026-11-21-09-00-00_01_groups.ipynb"),
        ("01_groups_2026-11-20.ipynb", "01_groups_2026-12-01.ipynb"),
        ("01_groups_2026-9-30.ipynb", "01_groups_2026-10-1.ipynb"),
        ("a_2026-11-20 9-05_01_groups.ipynb", "a_2026-11-20 10-00_01_groups.ipynb"),
        ("01_groups_20261130.ipynb", "01_groups_20261201.ipynb"),
        ("01_groups_2026-11-20-2.ipynb", "01_groups_2026-11-21-1.ipynb"),
        ("01_groups_2026-11-20-1.ipynb", "01_groups_2026-11-20-2.ipynb"),
    ],
)
def test_the_newest_is_known_by_its_name(older: str, newer: str) -> None:
    one, other = read_name(older, KNOWN), read_name(newer, KNOWN)
    assert is_newer(other, one) and is_newer(one, other) is False and is_newer(one, one) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("01_groups.ipynb", "my 01_groups.ipynb"),
        ("01_groups_11-12-2026.ipynb", "01_groups_12-11-2026.ipynb"),
        ("01_groups_20-11-26.ipynb", "01_groups_01-12-26.ipynb"),
        ("01_groups_2026-11-20.ipynb", "01_groups_2026-11-20 14-05.ipynb"),
        ("01_groups_2026-11-20.ipynb", "01_groups (1).ipynb"),
    ],
)
def test_names_that_do_not_decide_do_not_decide(one: str, other: str) -> None:
    assert is_newer(read_name(one, KNOWN), read_name(other, KNOWN)) is None
    assert is_newer(read_name(other, KNOWN), read_name(one, KNOWN)) is None


@pytest.mark.parametrize(
    ("name", "student", "late"),
    [
        ("doejane_LATE_12_34_01_groups.ipynb", "Jane Doe", True),
        ("anon_77_LATE_12_34_01_groups.ipynb", "anon 77", True),
        ("4711_late_8150_01_groups-1.ipynb", "4711", True),
        ("Jane Late_123_assignsubmission_file_01_groups.ipynb", "Jane Late_123", False),
        ("Late_Jane_12_34_01_groups.ipynb", "Late, Jane", False),
        ("Jane_Late_12345_01_groups.ipynb", "jl", False),
        ("jane_late_12_34_01_groups.ipynb", "Jane Late", False),
        ("latejane_LATE_12_34_01_groups.ipynb", "Late Jane", True),
        ("4711_late_8150_01_groups-1.ipynb", "Late Jane", True),
        ("too late 01_groups.ipynb", "Bob", False),
        ("01_groups_late.ipynb", "Bob", False),
    ],
)
def test_late_is_a_systems_mark_and_no_surname(name: str, student: str, late: bool) -> None:
    assert read_name(name, KNOWN, student).late is late


def test_two_names_never_become_one() -> None:
    """Latin-1, half characters, control characters: what is stored, what is shown, and what ties marks to answers."""
    raw = [
        b"M\xfcller",
        b"M\xf6ller",
        "Müller".encode(),
        b"M?ller",
        b"ada",
        b"a\x01da",
        b"a\x02da",
        b"a\nda",
        b"ada\x7f",
    ]
    found = [os.fsdecode(name) for name in raw]
    for function in (names.key, shown, results.slug, lambda name: tables.answer_id(name, "a", "q", "x")):
        assert len({function(name) for name in found}) == len(found)
    assert [shown(name).partition(" [")[0] for name in found[:4]] == ["Müller", "Möller", "Müller", "M?ller"]
    assert shown("ada") == "ada" and shown("Müller") == "Müller", "an ordinary name is left as it is"
    for name in [*found, "x\ud800"]:
        assert tables.clean(shown(name)) == shown(name) and shown(name).isprintable()
