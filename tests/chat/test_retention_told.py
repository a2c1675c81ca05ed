"""How one says for how long messages are kept: to a channel, and to one machine."""

import asyncio
import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from chat import commands, model
from chat.cli.channels import channel_line
from chat.cli.context import Invocation
from chat.cli.keeping import Days
from chat.cli.serve import relay
from chat.config import load
from chat.errors import NotFound, TrustError, UsageError
from chat.store.database import MEMORY, Database
from chat.store.schema import STEPS, migrate
from crdt.limits import KEEP_MAX_DAYS
from tests.chat.node_team import nodes


@pytest.mark.parametrize(
    ("given", "days"),
    [("90d", 90), ("1D", 1), ("forever", 0), (f"{KEEP_MAX_DAYS}d", KEEP_MAX_DAYS)],
)
def test_times_to_keep_are_days_or_for_ever(given: str, days: int) -> None:
    assert Days().convert(given, None, None) == days


@pytest.mark.parametrize(
    "given", ["", "d", "90", "0d", "-1d", "1w", "٣d", "9" * 5_000 + "d", "36501d"]
)
def test_other_times_are_refused_with_a_sentence(given: str) -> None:
    with pytest.raises(click.BadParameter, match=re.escape("write 90d")):
        Days().convert(given, None, None)


def test_a_relay_says_which_times_it_takes() -> None:
    ran = CliRunner().invoke(relay, ["--keep", "a while"])
    assert ran.exit_code == 2
    assert "write 90d" in ran.output


def test_the_command_line_goes_before_the_settings(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[relay]\nkeep_days = 90\n")
    invocation = Invocation({"home": str(tmp_path)})
    assert invocation.settings.relay.keep_days == 90
    invocation.keep_days = 30
    assert invocation.settings.relay.keep_days == 30
    invocation.keep_days = 0
    assert invocation.settings.relay.keep_days == 0


def test_a_wrong_number_of_days_in_the_settings_is_named(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[relay]\nkeep_days = -1\n")
    with pytest.raises(UsageError, match="keep_days"):
        load(path, {}, {})


def test_founders_say_how_long_a_channel_is_kept_and_members_do_not() -> None:
    async def story() -> None:
        async with nodes() as make:
            ana = await make("ana")
            await ana.create()
            bo = await make("bo")
            await bo.join(ana)
            said: model.Channel = await ana.call(commands.SetKeep("general", 90))
            assert said.keep_days == 90
            assert "kept 90 days" in channel_line(said)
            with pytest.raises(TrustError, match="founders and admins"):
                await bo.call(commands.SetKeep("general", 1))
            with pytest.raises(UsageError, match="from 1 to"):
                await ana.call(commands.SetKeep("general", -1))
            with pytest.raises(NotFound):
                await ana.call(commands.SetKeep("nowhere", 1))
            await bo.until(lambda: bo.team.views.channels()[0].keep_days == 90)
            for desk in (ana, bo):
                status: model.Status = await desk.call(commands.GetStatus())
                (warning,) = status.warnings
                assert "#general that are older than 90 days" in warning
                assert "ana said so" in warning
            said = await ana.call(commands.SetKeep("general", 0))
            await bo.until(lambda: not bo.team.warnings())
            assert said.keep_days == 0
            assert "kept" not in channel_line(said)

    asyncio.run(story())


def test_a_file_of_before_is_taken_up() -> None:
    database = Database(MEMORY, bytes(32), create=True)
    migrate(database, STEPS[:-1])
    database.write("INSERT INTO log (channel, part, device, incarnation) VALUES (1, 1, 1, x'00')")
    database.commit()
    migrate(database)
    assert database.one("SELECT forgotten FROM log") == (0,)
    database.close()
