"""Which workspace is meant by what is typed, and how one is shown."""

from pathlib import Path

import pytest

from chat import model
from chat.cli.workspaces import Known, Overview, choice, workspace_line
from chat.errors import NotFound, UsageError
from chat.profile import Profile

CATS, LOUD, DOGS = "cafe" + "0" * 60, "beef" + "0" * 60, "beef" + "1" * 60


def known(*names: tuple[str, str]) -> list[Known]:
    return [Known(Profile(Path(id)), model.Status("live", id, name)) for id, name in names]


ALL = known((CATS, "cats"), (LOUD, "CATS"), (DOGS, "Dogs"), ("", ""))


@pytest.mark.parametrize(
    ("wanted", "meant"),
    [
        ("cats", CATS),
        ("CATS", LOUD),
        ("dogs", DOGS),
        ("Dogs", DOGS),
        ("cafe", CATS),
        ("BEEF1", DOGS),
        (DOGS, DOGS),
    ],
)
def test_a_name_or_the_beginning_of_an_id_is_enough(wanted: str, meant: str) -> None:
    assert choice(ALL, wanted).status.workspace == meant


@pytest.mark.parametrize("wanted", ["Cats", "beef"])
def test_what_fits_two_is_refused_and_names_both(wanted: str) -> None:
    with pytest.raises(UsageError) as told:
        choice(ALL, wanted)
    assert "CATS beef0000" in str(told.value)
    assert ("cats cafe0000" if wanted == "Cats" else "Dogs beef1111") in str(told.value)


@pytest.mark.parametrize("wanted", ["caf", "mice", "0000", "fish"])
def test_what_fits_none_is_told_what_there_is(wanted: str) -> None:
    with pytest.raises(NotFound, match=r"cats cafe0000, CATS beef0000, Dogs beef1111"):
        choice(ALL, wanted)


def test_a_name_wins_over_an_id() -> None:
    both = known((CATS, "beef"), (LOUD, "mice"))
    assert choice(both, "beef").status.workspace == CATS


def overview(**fields: object) -> Overview:
    whole: dict[str, object] = {
        "id": CATS,
        "name": "cats",
        "phase": "live",
        "nick": "ana",
        "members": 2,
        "unread": 3,
        "mentions": 0,
        "path": "/home",
        "first": True,
    }
    return Overview(**{**whole, **fields})  # type: ignore[arg-type]


def test_a_line_tells_what_a_person_looks_for() -> None:
    assert workspace_line(overview()) == "* cats  cafe0000  ana  2 members  3 unread  /home"
    later = overview(first=False, members=1, unread=5, mentions=2)
    assert workspace_line(later) == (
        "  cats  cafe0000  ana  1 member  5 unread, 2 mention you  /home"
    )
    nothing = {"members": None, "unread": None, "mentions": None}
    assert "  locked  " in workspace_line(overview(**nothing))
    waiting = overview(name="", id="", phase="pending", **nothing)
    assert workspace_line(waiting) == "* (no name yet)  -  ana  pending  /home"
    assert "  removed  " in workspace_line(overview(phase="removed"))
