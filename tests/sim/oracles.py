"""What must hold: each oracle looks at a run and gives sentences about what is wrong.

`ALWAYS` holds at every moment and is looked at after each step; `AT_REST` holds once everything is
well again and the machines have had time.
"""

from collections.abc import Callable, Iterator

from chat.blocks.cid import matches
from chat.blocks.exchange import ports
from crdt.entry import LogId, decode_run, from_run
from crdt.erasure import OPEN_EPOCH
from crdt.keys import SIGN_ENTRY, verify
from tests.sim.ledger import Picture, holds
from tests.sim.machine import Machine
from tests.sim.reduction import Void, all_entries, reduce
from tests.sim.schedule import Fault
from tests.sim.story import EVERYBODY_SAYS, INSIDE, INSIDERS_SAY, NAMES, Story

Oracle = Callable[[Story], Iterator[str]]
LOOKED_AT_MESSAGES = 15
OPENING_MS = 60_000
"""How long a picture may take that somebody opens while everybody is there."""


def _linked(story: Story) -> list[Machine]:
    """Members and relays that are to agree."""
    return [*story.members, *_relays(story)]


def _relays(story: Story) -> list[Machine]:
    desks = story.world.desks.values()
    return [machine for machine in desks if machine.identity.relay and not machine.gone]


def _readers(story: Story, channel: bytes) -> list[Machine]:
    readers = story.world.desks["ana"].workspace.readers(channel)
    return [machine for machine in story.members if machine.workspace.me in readers]


def _channels(story: Story) -> list[bytes]:
    return sorted(story.world.desks["ana"].workspace.roster.state.channels)


def _somebody(story: Story) -> Machine | None:
    """One of those that show messages and can, another one each time."""
    desks = story.world.desks.values()
    machines = [machine for machine in desks if not (machine.identity.relay or machine.rotten)]
    return machines[story.world.delivered % len(machines)] if machines else None


def _void(story: Story) -> dict[LogId, int]:
    """Where logs fork, as somebody sees it who sees every disk there ever was."""
    ids: dict[LogId, dict[int, set[bytes]]] = {}
    for name in (each for pair in story.ledger.doubled.items() for each in pair):
        device = story.world.desks[name].workspace.device
        for machine in story.world.desks.values():
            for held in all_entries(machine).values():
                for entry in held:
                    if entry.log.device == device:
                        ids.setdefault(entry.log, {}).setdefault(entry.seq, set()).add(entry.id)
            for fork in machine.workspace.store.forks():
                for wire in (fork.first, fork.second):
                    for entry in from_run(machine.workspace.id, decode_run(wire)):
                        ids.setdefault(entry.log, {}).setdefault(entry.seq, set()).add(entry.id)
    forks = {
        log: [seq for seq, found in places.items() if len(found) > 1] for log, places in ids.items()
    }
    return {log: min(seqs) for log, seqs in forks.items() if seqs}


# Always -----------------------------------------------------------------------------------------


def receipts_never_overcount(story: Story) -> Iterator[str]:
    """Who is counted as having a message has it, or had it on a disk that was lost since."""
    looking = _somebody(story)
    if looking is None or not looking.running:
        return
    store = looking.workspace.store
    held: dict[tuple[LogId, int], int] = {}
    for channel in looking.workspace.channel_names():
        for row in store.messages(channel, limit=LOOKED_AT_MESSAGES):
            place = (row.log, row.seq)
            if place not in held:
                held[place] = len(
                    {
                        other.workspace.me
                        for other in story.world.desks.values()
                        if other.workspace.me != row.member
                        and not other.identity.relay
                        and _has_up_to(story, other, row.log, row.seq)
                    }
                )
            counted, _ = looking.views.reached(row)
            if counted > held[place]:
                yield (
                    f"{looking.name} counts {counted} holders of {row.text!r}, "
                    f"there are {held[place]}"
                )


def _has_up_to(story: Story, machine: Machine, log: LogId, seq: int) -> bool:
    if story.ledger.ever_held(machine, log, seq):
        return True
    # A receipt tells the head: older history that a newcomer still fetches counts as received.
    state = None if machine.rotten else machine.workspace.store.log_state(log)
    return state is not None and state.head >= seq


def time_orders_messages_and_nobody_speaks_for_another(story: Story) -> Iterator[str]:
    """One machine's timelines: sorted, each message once, each word its author's."""
    machine = _somebody(story)
    if machine is not None:
        yield from _sound(story, machine)


def _sound(story: Story, machine: Machine) -> Iterator[str]:
    for channel in sorted(machine.workspace.channel_names()):
        rows = machine.workspace.store.messages(channel, limit=100_000)
        places = [(row.hlc, row.mid) for row in rows]
        if places != sorted(places) or len({row.mid for row in rows}) != len(rows):
            yield f"{machine.name} shows messages twice or out of order"
        for row in rows:
            spoken = story.ledger.spoken.get(row.mid)
            if spoken is None:
                yield f"{machine.name} shows a message that nobody wrote: {row.text!r}"
            elif (spoken.member, spoken.channel) != (row.member, channel):
                yield f"{machine.name} shows {row.text!r} as another's, or elsewhere"
            elif not row.deleted and row.text not in spoken.texts:
                yield f"{machine.name} shows words that {spoken.author} never said: {row.text!r}"


def who_writes_reads_it(story: Story) -> Iterator[str]:
    """What somebody set (a topic, a pin, a name) is what they see right behind it."""
    unread, story.ledger.unread = story.ledger.unread, []
    yield from unread


def nobody_honest_is_accused(story: Story) -> Iterator[str]:
    """No link is closed for what an honest machine sent, and no fork is proven that is none."""
    # What a liar's audience said once is not true for others, so said again it may be refused.
    replayed_lies = story.world.remembers and story.ledger.doubled
    for by, whose, why in () if replayed_lies else story.world.accused:
        if not {whose, by} & {*story.ledger.doubled.values(), *story.ledger.doubled}:
            yield f"{by} closed the link of {whose}: {why}"
    doubled = {story.world.desks[name].workspace.device for name in story.ledger.doubled}
    for machine in story.world.desks.values():
        for fork in () if machine.rotten else machine.workspace.store.forks():
            if fork.log.device not in doubled:
                yield f"{machine.name} has evidence against an honest device"


# At rest ----------------------------------------------------------------------------------------


def everybody_runs_and_knows_the_same_roster(story: Story) -> Iterator[str]:
    """Nobody was left outside, and who is in is the same everywhere."""
    heads = story.world.desks["ana"].workspace.roster.heads
    for machine in _linked(story):
        if machine.workspace.roster.heads != heads:
            yield f"{machine.name} knows another roster than ana"
        if not machine.running:
            yield f"{machine.name} does not run"
    lossy = {Fault.OLD_BACKUP, Fault.REMOVAL, Fault.CLOCK_JUMP, Fault.BIT_ROT, Fault.RETENTION}
    lossless = not story.schedule.faults & lossy
    if lossless:
        for name in sorted({*story.world.desks} - {machine.name for machine in _linked(story)}):
            if not (story.world.desks[name].gone or story.world.desks[name].double_of):
                yield f"{name} was never let in"


def nobody_is_behind(story: Story) -> Iterator[str]:
    """What exists is here, and everybody says so."""
    for machine in _linked(story):
        behind = machine.engine.behind()
        if behind != 0 and len(_linked(story)) > 1:
            yield f"{machine.name} is behind by {behind}"
        store = machine.workspace.store
        for epoch in store.waiting_epochs():
            for _, entry in store.waiting(epoch):
                if entry.id not in story.ledger.excused:
                    yield f"{machine.name} has an entry that waits for a key"


def all_readers_see_the_same(story: Story) -> Iterator[str]:
    """Timelines, registers and entries of a channel are equal for all who may read it.

    Where a log was forked, who holds which branch may differ, and nothing of what is shown.
    """
    if story.ledger.doubled:
        yield from _all_count_the_same(story, _void(story))
        # Of a branch that a removal pinned, who holds another one shows less.
        if not story.ledger.removed & set(story.ledger.doubled):
            yield from _all_show_the_same(story)
        return
    yield from _all_show_the_same(story)
    held = {
        machine.name: {
            channel: {
                entry.id for entry in entries if not story.ledger.is_old(entry.log, entry.hlc)
            }
            for channel, entries in all_entries(machine).items()
        }
        for machine in _linked(story)
    }
    for channel in _channels(story):
        first, *others = _readers(story, channel)
        for other in (*others, *_relays(story)):
            if held[first.name].get(channel) != held[other.name].get(channel):
                yield f"{first.name} and {other.name} hold different entries"


def _all_show_the_same(story: Story) -> Iterator[str]:
    for channel in _channels(story):
        first, *others = _readers(story, channel)
        store = first.workspace.store
        for other in others:
            theirs = other.workspace.store
            who = f"{first.name} and {other.name}"
            if store.canonical(channel) != theirs.canonical(channel):
                yield f"{who} have different timelines"
            if store.registers(channel) != theirs.registers(channel):
                yield f"{who} have different registers"
            left = [row.mid for row in store.messages(channel, limit=100_000)]
            right = [row.mid for row in theirs.messages(channel, limit=100_000)]
            if left != right:
                yield f"{who} show another order"


def _all_count_the_same(story: Story, void: Void) -> Iterator[str]:
    held = {machine.name: all_entries(machine) for machine in _linked(story)}
    # What a void statement let go is gone where it was believed.
    let_go = any(
        entry.epoch == OPEN_EPOCH and entry.seq >= void.get(entry.log, entry.seq + 1)
        for channels in held.values()
        for entries in channels.values()
        for entry in entries
    )
    for channel in _channels(story):
        readers = _readers(story, channel)
        reduced = [
            reduce(each, channel, held[each.name].get(channel, []), void) for each in readers
        ]
        for reader, found in zip(readers[1:], reduced[1:], strict=True):
            if found.ids != reduced[0].ids or (found != reduced[0] and not let_go):
                yield f"{readers[0].name} and {reader.name} differ beyond what is void"
        for relay in _relays(story):
            entries = held[relay.name].get(channel, [])
            ids = {each.id for each in entries if each.seq < void.get(each.log, each.seq + 1)}
            if ids != reduced[0].ids:
                yield f"{readers[0].name} and {relay.name} hold different entries"


def _branches_are_mixed(story: Story) -> bool:
    """Whether something was let go in a forked log.

    What lets go of a message names its place, where others hold the other branch's. It is void in
    both; until readers go by that, what such a machine shows depends on what it had read before.
    """
    void = _void(story)
    return any(
        entry.ciphertext is None and entry.seq >= void.get(entry.log, entry.seq + 1)
        for machine in story.members
        for entries in all_entries(machine).values()
        for entry in entries
    )


def what_is_shown_is_what_the_entries_say(story: Story) -> Iterator[str]:
    """The projection is what other code makes of the same entries: messages, registers, and how
    many entries need a newer build."""
    if story.ledger.doubled and _branches_are_mixed(story):
        return
    for machine in story.members:
        store, newer = machine.workspace.store, 0
        held = all_entries(machine)
        for channel in _channels(story):
            if not machine.workspace.visible(channel, machine.workspace.device):
                continue
            found = reduce(machine, channel, held.get(channel, []), {})
            newer += found.newer
            if store.canonical(channel) != found.timeline:
                yield f"{machine.name} shows another timeline than its entries say"
            if store.registers(channel) != found.registers:
                yield f"{machine.name} shows other registers than its entries say"
        if store.count_newer() != newer:
            yield f"{machine.name} tells of {store.count_newer()} newer entries, holds {newer}"


def the_last_write_stands(story: Story) -> Iterator[str]:
    """A register holds the newest of the writes that were acknowledged, or a newer one."""
    ledger, void = story.ledger, _void(story)
    if ledger.removed or ledger.excused or void:
        return  # Which of them count is told by the entries alone.
    newest: dict[tuple[bytes, str], tuple[object, str]] = {}
    for write in ledger.writes:
        place = (write.channel, write.key)
        newest[place] = max(newest.get(place, (write.stamp, "")), (write.stamp, write.value))
    for (channel, key), (_, value) in newest.items():
        for machine in _readers(story, channel):
            shown = machine.workspace.store.register(channel, key)
            if shown != value and not story.refused:
                yield f"{machine.name} shows {shown!r} as {key}, {value!r} was written last"


def nothing_acknowledged_is_lost(story: Story) -> Iterator[str]:
    """Every entry whose author was told that it is on disk is with all who may have it."""
    ledger, outside = story.ledger, set(story.ledger.removed)
    ledger.excused |= {
        each.entry
        for log, seq in _void(story).items()
        for each in ledger.acknowledged
        if each.log == log and each.seq >= seq
    }
    if outside:
        # Whom somebody let in who was removed meanwhile is outside as well.
        outside |= set(story.world.desks) - {machine.name for machine in story.members}
    for each in ledger.acknowledged:
        if each.entry in ledger.excused or each.author in outside:
            continue
        if ledger.is_old(each.log, each.hlc):
            continue
        for machine in (*_readers(story, each.channel), *_relays(story)):
            if not ledger.has(machine, each):
                yield f"{machine.name} lacks entry {each.seq} of {each.author}"
    for mid, spoken in ledger.spoken.items():
        if not spoken.entry or spoken.entry in ledger.excused or spoken.author in outside:
            continue
        if mid in ledger.old:
            continue
        for machine in _readers(story, spoken.channel):
            row = machine.workspace.store.message(mid)
            if row is None:
                yield f"{machine.name} does not show what {spoken.author} said"
            elif spoken.deleted and spoken.deleted not in ledger.excused and not row.deleted:
                yield f"{machine.name} still shows what {spoken.author} took back"


def what_is_taken_back_is_erased_and_nothing_else(story: Story) -> Iterator[str]:
    """An entry lacks its ciphertext exactly where its author let it go, relays included, or where
    it is too old."""
    void = story.ledger.removed or _void(story)
    for machine in _linked(story):
        store = machine.workspace.store
        for entries in all_entries(machine).values():
            for entry in entries:
                named = bool(store.named(entry.log, entry.seq, entry.seq))
                if story.ledger.is_old(entry.log, entry.hlc) or machine.name in story.ledger.frugal:
                    continue
                if entry.ciphertext is None and not named:
                    yield f"{machine.name} lacks words that nobody took back"
                elif entry.ciphertext is not None and named and not void:
                    yield f"{machine.name} keeps words that were taken back"
    if story.ledger.excused or void:
        return
    for spoken in story.ledger.spoken.values():
        for machine in _linked(story) if spoken.deleted and spoken.entry else ():
            found = machine.workspace.store.entry_by_id(spoken.entry)
            if found is not None and found.ciphertext is not None:
                yield f"{machine.name} keeps what {spoken.author} took back"


def what_is_too_old_is_forgotten(story: Story) -> Iterator[str]:
    """Where there is a rule nobody who may read it keeps or shows what is older. Relays do not know
    rules; authors keep what nobody says they have, and of a forked log receipts say too little."""
    for machine in story.members:
        for entries in all_entries(machine).values():
            for entry in entries:
                old = story.ledger.is_old(entry.log, entry.hlc)
                if old and entry.ciphertext is not None and not story.ledger.doubled:
                    yield f"{machine.name} keeps words that are too old"
        for mid in story.ledger.old:
            if machine.workspace.store.message(mid) is not None:
                yield f"{machine.name} shows a message that is too old"


def answers_follow_what_they_answer(story: Story) -> Iterator[str]:
    """Who shows a reply shows what it replies to, above it while all clocks are right."""
    for machine in story.members:
        for channel in sorted(machine.workspace.channel_names()):
            rows = machine.workspace.store.messages(channel, limit=100_000)
            place = {row.mid: (row.hlc, row.mid) for row in rows}
            for row in rows:
                if row.reply_to is None:
                    continue
                spoken = story.ledger.spoken.get(row.reply_to)
                if row.reply_to not in place:
                    ended = {*story.ledger.removed, *story.ledger.doubled.values()}
                    if spoken is None or not (
                        spoken.entry in story.ledger.excused or spoken.author in ended
                    ):
                        yield f"{machine.name} shows an answer to nothing"
                elif Fault.CLOCK_JUMP not in story.schedule.faults:
                    if place[row.reply_to] >= place[row.mid]:
                        yield f"{machine.name} shows an answer above what it answers"


def authors_know_that_all_have_it(story: Story) -> Iterator[str]:
    """Receipts come to count everybody, unless disks or members were lost.

    Where a log is forked states are never equal again, and it is from equal states that links tell
    receipts of before; so there the count stays a lower bound.
    """
    lossy = {Fault.OLD_BACKUP, Fault.REMOVAL, Fault.BIT_ROT}
    if story.schedule.faults & lossy or story.ledger.doubled:
        return
    for machine in story.members:
        for channel in sorted(machine.workspace.channel_names()):
            for row in machine.workspace.store.messages(channel, limit=100_000):
                others = len(_readers(story, channel)) - 1
                if row.mine and machine.views.reached(row) != (others, others):
                    yield f"{machine.name} counts {machine.views.reached(row)} of {others}"


def who_is_outside_knows_nothing(story: Story) -> Iterator[str]:
    """Relays read nothing; who is not in a private channel has neither its key nor its words."""
    world = story.world
    insiders = [world.desks[name] for name in NAMES[:INSIDE]]
    scope = insiders[0].workspace.scope_of(story.plans)
    state = insiders[0].workspace.roster.state
    epochs = {each.id for each in (*state.rekeys, *state.former_rekeys) if each.scope == scope}
    keys = insiders[0].workspace.store.epoch_keys()
    epochs |= {op for op, _ in keys.items() if op == state.channels[story.plans].op}
    for machine in world.desks.values():
        if machine in insiders:
            continue
        words = EVERYBODY_SAYS if machine.identity.relay else INSIDERS_SAY
        if words.encode() in machine.disk.image():
            yield f"{machine.name} has plaintext on its disk"
        held = set(machine.workspace.store.epoch_keys())
        if held & epochs or (machine.identity.relay and held):
            yield f"{machine.name} has keys that are not its own"
        if machine.identity.relay and machine.workspace.store.count_messages():
            yield f"{machine.name} reads messages"
        if not machine.identity.relay and machine.workspace.store.logs(story.plans):
            yield f"{machine.name} holds entries of a channel it is not in"


def what_is_shown_follows_from_what_is_held(story: Story) -> Iterator[str]:
    """A projection that is made anew from the entries is the same projection."""
    members = story.members
    if story.ledger.doubled and _branches_are_mixed(story):
        return
    machine = members[story.schedule.seed % len(members)]
    store = machine.workspace.store
    before = machine.canonical(), store.count_newer()
    store.clear_projection()
    machine.store.commit()
    story.world.crash(machine)
    story.world.start(machine, clean=True)
    if (machine.canonical(), machine.workspace.store.count_newer()) != before:
        yield f"{machine.name} shows something else after a new start"


def forks_are_proven(story: Story) -> Iterator[str]:
    """Of two who are linked and hold different branches of a log, one can prove the fork; and
    every proof is one, for anybody who looks. A removal settles which branch counts."""
    proofs = {machine.name: machine.workspace.store.forks() for machine in _linked(story)}
    for machine in _linked(story):
        for fork in proofs[machine.name]:
            branches = [
                from_run(machine.workspace.id, decode_run(wire))
                for wire in (fork.first, fork.second)
            ]
            for branch in branches:
                verify(fork.log.device, SIGN_ENTRY, branch[-1].id, branch[-1].signature)
            (left, *_), (right, *_) = branches
            if (left.log, left.seq) != (right.log, right.seq) or left.id == right.id:
                yield f"{machine.name} takes for a fork what is none"
    settled = story.ledger.removed & set(story.ledger.doubled)
    for log, seq in () if settled else _void(story).items():
        for wire in story.world.live():
            ends = [story.world.desks[end.name] for end in wire.ends if end.name in proofs]
            ends = [end for end in ends if holds(end, log, seq)]
            ids = {end.workspace.store.entries(log, seq, seq)[0].id for end in ends}
            proven = any(log in {fork.log for fork in proofs[end.name]} for end in ends)
            if len(ids) > 1 and not proven:
                yield f"{' and '.join(end.name for end in ends)} differ, and none can prove it"


def all_know_the_same_forks(story: Story) -> Iterator[str]:
    """A proof reaches everybody, relays too, whether or not they ever saw a branch; so all agree
    from where on a log is void."""
    first, *others = _linked(story)
    known = dict(first.workspace.store.fork_points())
    for other in others:
        if dict(other.workspace.store.fork_points()) != known:
            yield f"{first.name} and {other.name} do not know the same forks"


def what_is_unknown_is_kept(story: Story) -> Iterator[str]:
    """An op of a kind that nobody knows is with everybody, and passed on."""
    for name, op in story.ledger.unknown_ops.items():
        if name in story.ledger.removed or story.ledger.excused:
            continue
        for machine in _linked(story):
            if op not in machine.workspace.roster.state.unknown:
                yield f"{machine.name} does not have the unknown op of {name}"


def pictures_open(story: Story) -> Iterator[str]:
    """Whoever may read a message sees its picture, while every block of it is somewhere."""
    wanted = [
        (machine, picture)
        for machine in story.members
        for picture in story.ledger.pictures.values()
        if machine.workspace.store.file_of_root(picture.info.root) is not None
        and _all_blocks_are_somewhere(story, picture)
    ]
    for machine, picture in wanted:
        if machine.shelf.read(picture.info) is None:
            root = picture.info.root
            again = ports.Want(root, picture.info.size)
            story.world.give(machine, ports.FileGone(root), again)
    story.world.run(OPENING_MS)
    for machine, picture in wanted:
        seen = machine.shelf.read(picture.info)
        if seen is None:
            yield f"{machine.name} cannot open a picture that is there"
        elif seen != picture.data:
            yield f"{machine.name} sees another picture"


def _all_blocks_are_somewhere(story: Story, picture: Picture) -> bool:
    return all(
        any(_has_block(machine, cid) for machine in _linked(story)) for cid in picture.blocks
    )


def _has_block(machine: Machine, cid: bytes) -> bool:
    blocks = machine.shelf.blocks
    return blocks.has(cid) and matches(cid, blocks._path(cid).read_bytes())


ALWAYS: tuple[Oracle, ...] = (
    receipts_never_overcount,
    time_orders_messages_and_nobody_speaks_for_another,
    who_writes_reads_it,
    nobody_honest_is_accused,
)
AGREEMENT: tuple[Oracle, ...] = (
    everybody_runs_and_knows_the_same_roster,
    nobody_is_behind,
    all_readers_see_the_same,
    nothing_acknowledged_is_lost,
    what_is_taken_back_is_erased_and_nothing_else,
    what_is_too_old_is_forgotten,
    authors_know_that_all_have_it,
    forks_are_proven,
    all_know_the_same_forks,
)
"""What takes time, and must come about within bounds."""
AT_REST: tuple[Oracle, ...] = (
    answers_follow_what_they_answer,
    time_orders_messages_and_nobody_speaks_for_another,
    nobody_honest_is_accused,
    what_is_shown_is_what_the_entries_say,
    the_last_write_stands,
    what_is_unknown_is_kept,
    who_is_outside_knows_nothing,
    what_is_shown_follows_from_what_is_held,
    pictures_open,
)
