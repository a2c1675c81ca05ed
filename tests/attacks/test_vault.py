"""Attacks on a stolen folder: 42. A locked profile, its key file, and what may speak of its key."""

import asyncio
import io
import itertools
import logging
import shutil
import traceback
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import commands, model
from chat.errors import ChatError, Locked, StoreError
from chat.profile import OpenProfile, Profile
from chat.profile_guard import key_guard
from chat.profile_key import KeyFile
from chat.profile_vault import (
    COST,
    MEMORY_MAX_KIB,
    SALT_BYTES,
    Cost,
    Sealed,
    decode,
    encode,
    prepared,
    sealed_with,
)
from crdt import keys
from crdt.errors import Invalid
from tests.chat.node_team import nodes
from tests.chat.store_authors import seeded

PHRASE = "a cat asleep on a keyboard"
SECRET = b"what nobody else may read"
CHEAP = Cost(8, 1)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A locked profile, shut down: what a thief carries away."""
    home = tmp_path / "home"
    with Profile(home).open(seeded("first"), create=True) as profile:
        profile.store.put("secret", SECRET)
        profile.store.commit()
    key_guard(home).set_passphrase(PHRASE, None, seeded("set"), CHEAP)
    return home


def opened(home: Path, passphrase: str | None) -> OpenProfile:
    return Profile(home).open(seeded("thief"), create=False, passphrase=passphrase)


def contents(home: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in home.iterdir() if path.name != "lock"}


def sealed(home: Path) -> Sealed:
    found = decode((home / "key").read_bytes())
    assert isinstance(found, Sealed)
    return found


def test_42_the_folder_alone_opens_nothing(home: Path) -> None:
    before = contents(home)
    key = KeyFile(home / "clowder.db").read(PHRASE)
    assert not [name for name, data in before.items() if SECRET in data or key in data]
    for guess in (None, "", PHRASE.upper(), PHRASE + " ", PHRASE[:-1], "password"):
        with pytest.raises(Locked) as refused:
            opened(home, guess)
        assert refused.value.exit_code == 5
    assert contents(home) == before, "and no try leaves a trace"
    with opened(home, PHRASE) as profile:
        assert profile.store.get("secret") == SECRET
        assert profile.continues


def test_42_every_cut_and_every_changed_byte_stays_shut(home: Path) -> None:
    whole = (home / "key").read_bytes()
    changed = (
        whole[:place] + bytes((whole[place] ^ 1 << bit,)) + whole[place + 1 :]
        for place, bit in itertools.product(range(len(whole)), (0, 7))
    )
    cut = (whole[:size] for size in range(len(whole)))
    for data in (*changed, *cut, whole + b"\0", b""):
        (home / "key").write_bytes(data)
        before = contents(home)
        try:  # A larger cost that is within bounds is paid, once; nothing here waits for it.
            found = decode(data)
        except Invalid:
            pass
        else:
            if isinstance(found, Sealed) and found.cost.memory_kib * found.cost.passes > 2**16:
                continue
        with pytest.raises((Locked, StoreError)):
            opened(home, PHRASE)
        assert contents(home) == before
    (home / "key").write_bytes(whole)
    opened(home, PHRASE).close()


@given(st.binary(min_size=SALT_BYTES, max_size=SALT_BYTES), st.integers(1, 4), st.integers(8, 64))
def test_42_a_swapped_salt_or_cost_is_another_passphrase(
    salt: bytes, passes: int, memory_kib: int
) -> None:
    key = bytes(range(32))
    theirs = sealed_with(PHRASE, key, seeded("theirs"), CHEAP)
    assert theirs.open(theirs.stretched(PHRASE)) == key
    swapped = Sealed(Cost(memory_kib, passes), salt, theirs.nonce, theirs.sealed)
    if swapped != theirs:
        with pytest.raises(Invalid):
            swapped.open(swapped.stretched(PHRASE))
    # Not even when the derived key is the right one: the head is sealed along.
    with pytest.raises(Invalid):
        Sealed(CHEAP, bytes(SALT_BYTES), theirs.nonce, theirs.sealed).open(theirs.stretched(PHRASE))


def test_42_halves_of_two_key_files_do_not_fit(home: Path) -> None:
    mine = sealed(home)
    theirs = sealed_with("known to the thief", bytes(32), seeded("thief's"), CHEAP)
    for mixed in (
        Sealed(mine.cost, theirs.salt, mine.nonce, mine.sealed),
        Sealed(mine.cost, mine.salt, theirs.nonce, mine.sealed),
        Sealed(mine.cost, mine.salt, mine.nonce, theirs.sealed),
    ):
        (home / "key").write_bytes(encode(mixed))
        for passphrase in (PHRASE, "known to the thief"):
            with pytest.raises(Locked):
                opened(home, passphrase)
    # A whole file of theirs opens, to a key that this database does not have.
    (home / "key").write_bytes(encode(theirs))
    with pytest.raises(StoreError, match="cannot be read"):
        opened(home, "known to the thief")


def test_42_a_file_that_asks_for_all_memory_is_not_obeyed(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stretch(*_: object) -> bytes:
        raise AssertionError("it was tried")

    monkeypatch.setattr(keys.bindings, "crypto_pwhash_alg", stretch)
    mine = sealed(home)
    for cost in (Cost(MEMORY_MAX_KIB + 1, 1), Cost(8, 2**32 - 1), Cost(2**32 - 1, 2**32 - 1)):
        (home / "key").write_bytes(
            encode(mine)[:1]
            + cost.memory_kib.to_bytes(4, "big")
            + cost.passes.to_bytes(4, "big")
            + encode(mine)[9:]
        )
        with pytest.raises(StoreError, match="damaged"):
            opened(home, PHRASE)


def test_42_a_guess_costs_what_was_promised() -> None:
    assert COST.memory_kib >= 64 * 1024
    assert COST.passes >= 3
    real = sealed_with(PHRASE, bytes(32), seeded("real"))
    assert real.cost == COST
    # Argon2id of another implementation, at the cost that is written by default.
    stretched = keys.stretch(b"password", b"0123456789abcdef", *COST)
    assert stretched.hex() == "daf16780dcb73e862146297fa17b81b86b480f33c0b67daef0f2c7c809c5797b"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o666])
def test_42_a_key_file_open_to_others_is_closed_and_told(home: Path, mode: int) -> None:
    (home / "key").chmod(mode)
    with opened(home, PHRASE) as profile:
        assert "could be read by others" in profile.warning
        assert str(home / "key") in profile.warning
        assert (home / "key").stat().st_mode & 0o777 == 0o600
    with opened(home, PHRASE) as profile:
        assert profile.warning == ""


def test_42_a_locked_node_shows_nothing_to_whoever_sits_down() -> None:
    async def play() -> None:
        async with nodes() as make:
            ana, bo = await make("ana"), await make("bo")
            await ana.create()
            await bo.join(ana)
            await ana.post("what was said")
            key_guard(ana.home).set_passphrase(PHRASE, None, seeded("set"), CHEAP)
            status: model.Status = await ana.call(commands.Lock())
            assert status.locked
            listener = ana.node.events()
            ana.heard.clear()
            await bo.post("meanwhile")
            await ana.until(lambda: ana.texts() == ["what was said", "meanwhile"])
            for command in (
                commands.History("general"),
                commands.ListMembers(),
                commands.Search("said"),
                commands.Post("general", "as ana"),
                commands.MakeInvite(),
            ):
                with pytest.raises(Locked):
                    await ana.call(command)
            for guess in ("", "password", PHRASE.upper()):
                with pytest.raises(Locked):
                    await ana.call(commands.Unlock(guess))
            assert (await ana.call(commands.GetStatus())).locked
            assert {type(event).__name__ for event in ana.heard} <= {"StatusChanged"}
            unlocked: model.Status = await ana.call(commands.Unlock(PHRASE))
            assert not unlocked.locked
            assert [each.text for each in await ana.history()] == ["what was said", "meanwhile"]
            await ana.until(lambda: "MessageChanged" in {type(e).__name__ for e in ana.heard})
            await listener.aclose()

    asyncio.run(asyncio.wait_for(play(), 90))


def test_42_no_passphrase_and_no_key_is_spoken_of(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Not by errors, not by tracebacks, not by what is printed of values, nor by logs."""
    key = KeyFile(home / "clowder.db").read(PHRASE)
    said = [repr(commands.Unlock(PHRASE)), str(commands.Unlock(PHRASE)), repr(sealed(home))]
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(out), caplog.at_level(logging.DEBUG):
        for work in (
            lambda: opened(home, PHRASE + "!"),
            lambda: key_guard(home).set_passphrase("12345678", PHRASE + "!", seeded("no"), CHEAP),
            lambda: key_guard(home).remove(PHRASE + "!"),
        ):
            with pytest.raises(ChatError) as raised:
                work()
            said += traceback.format_exception(raised.value)
        with opened(home, PHRASE) as profile:
            said.append(repr(vars(profile)))
        shutil.copy(home / "clowder.db", home / "whole.db")
        (home / "clowder.db").write_bytes(bytes(8192))
        with pytest.raises(StoreError) as damaged:
            opened(home, PHRASE)
        said += traceback.format_exception(damaged.value)
    text = "".join((*said, out.getvalue(), caplog.text))
    assert text
    # The lines of this test's own source stand in tracebacks; what they hold does not.
    for secret in (PHRASE, key.hex(), repr(key), prepared(PHRASE).hex()):
        assert secret not in text
