"""Which workspace is meant by what is typed, and how one is shown."""

import asyncio
from pathlib import Path

import click
import pytest

from chat import commands, model
from chat.cli.completion import ChannelName
from chat.cli.main import clowder
from chat.cli.workspaces import Known, Overview, choice, workspace_line
from chat.config import Settings
from chat.errors import NotFound, UsageError
from chat.node.household import Household
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


def test_who_came_back_after_a_removal_means_the_one_where_they_are() -> None:
    old = Known(Profile(Path("old")), model.Status("removed", CATS, "cats"))
    new = Known(Profile(Path("new")), model.Status("live", CATS, "cats"))
    for wanted in ("cats", CATS[:8]):
        assert choice([old, new], wanted) is new
        assert choice([old], wanted) is old


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


def test_a_shell_is_offered_names_of_plain_words(tmp_path: Path) -> None:
    home = tmp_path / "home"

    async def main() -> None:
        ours = Household(Profile(home), Settings(), network=False, listening=False)
        node = await ours.open(Profile(home), create=True)
        for name in ("Dogs", "Dogs & Co", "Doves"):
            await node.call(commands.Create(name, "ana"))
        await node.call(commands.CreateChannel("plans"))
        await ours.aclose()

    asyncio.run(main())
    command = clowder.commands["send"]
    (option,) = [param for param in command.params if param.name == "workspace"]
    ctx = click.Context(command)
    ctx.params = {"home": str(home)}
    offered = [item.value for item in option.shell_complete(ctx, "Do")]
    assert sorted(offered) == ["Dogs", "Doves"]
    # The channels are those of the workspace that was named before.
    channel = ChannelName()
    ctx.params["workspace"] = "Doves"
    assert [item.value for item in channel.shell_complete(ctx, option, "")] == ["general"]
    ctx.params["workspace"] = "Dogs"
    assert [item.value for item in channel.shell_complete(ctx, option, "")] == ["general", "plans"]
