"""What must hold: each oracle looks at a run and gives sentences about what is wrong.

`ALWAYS` holds at every moment and is looked at after each step; `AT_REST` holds once everything is
well again and the machines have had time.
"""

from collections.abc import Callable, Iterator

from crdt.entry import LogId
from tests.sim.ledger import holds
from tests.sim.schedule import Fault
from tests.sim.story import EVERYBODY_SAYS, INSIDE, INSIDERS_SAY, NAMES, Story
from tests.sim.world import Machine

Oracle = Callable[[Story], Iterator[str]]
LOOKED_AT_MESSAGES = 15


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


def _entries(machine: Machine) -> dict[bytes, set[bytes]]:
    """Ids of the entries held, by channel."""
    found: dict[bytes, set[bytes]] = {}
    for _, entry in machine.workspace.store.since(0, 1_000_000):
        found.setdefault(entry.log.channel, set()).add(entry.id)
    return found


# Always -----------------------------------------------------------------------------------------


def receipts_never_overcount(story: Story) -> Iterator[str]:
    """Who is counted as having a message has it, or had it on a disk that was lost since."""
    machines = [machine for machine in story.world.desks.values() if not machine.identity.relay]
    looking = machines[story.world.delivered % len(machines)]
    if not looking.running:
        return
    store = looking.workspace.store
    held: dict[tuple[LogId, int], int] = {}
    for channel in looking.workspace.channel_names():
        for row in store.messages(channel, limit=LOOKED_AT_MESSAGES):
            place = (row.log, row.seq)
            if place not in held:
                held[place] = sum(
                    _has_up_to(story, other, row.log, row.seq)
                    for other in machines
                    if other.workspace.me != row.member
                )
            counted, _ = looking.views.reached(row)
            if counted > held[place]:
                yield (
                    f"{looking.name} counts {counted} holders of {row.text!r}, "
                    f"there are {held[place]}"
                )


def _has_up_to(story: Story, machine: Machine, log: LogId, seq: int) -> bool:
    # A receipt tells the head: older history that a newcomer still fetches counts as received.
    state = machine.workspace.store.log_state(log)
    return (state is not None and state.head >= seq) or story.ledger.ever_held(machine, log, seq)


def time_orders_messages_and_nobody_speaks_for_another(story: Story) -> Iterator[str]:
    """One machine's timelines: sorted, each message once, each word its author's."""
    machines = [machine for machine in story.world.desks.values() if not machine.identity.relay]
    yield from _sound(story, machines[story.world.delivered % len(machines)])


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


# At rest ----------------------------------------------------------------------------------------


def everybody_runs_and_knows_the_same_roster(story: Story) -> Iterator[str]:
    """Nobody was left outside, and who is in is the same everywhere."""
    heads = story.world.desks["ana"].workspace.roster.heads
    for machine in _linked(story):
        if machine.workspace.roster.heads != heads:
            yield f"{machine.name} knows another roster than ana"
        if not machine.running:
            yield f"{machine.name} does not run"
    lossless = not story.schedule.faults & {Fault.OLD_BACKUP, Fault.REMOVAL, Fault.CLOCK_JUMP}
    if lossless:
        for name in sorted({*story.world.desks} - {machine.name for machine in _linked(story)}):
            if not story.world.desks[name].gone:
                yield f"{name} was never let in"


def nobody_is_behind(story: Story) -> Iterator[str]:
    """What exists is here, and everybody says so."""
    for machine in _linked(story):
        behind = machine.engine.behind()
        if behind != 0 and len(_linked(story)) > 1:
            yield f"{machine.name} is behind by {behind}"
        waiting = machine.workspace.store.count_waiting()
        if waiting:
            yield f"{machine.name} has {waiting} entries that wait for a key"


def all_readers_see_the_same(story: Story) -> Iterator[str]:
    """Timelines, registers and entries of a channel are equal for all who may read it."""
    entries = {machine.name: _entries(machine) for machine in _linked(story)}
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
        for other in (*others, *_relays(story)):
            if entries[first.name].get(channel) != entries[other.name].get(channel):
                yield f"{first.name} and {other.name} hold different entries"


def nothing_acknowledged_is_lost(story: Story) -> Iterator[str]:
    """Every entry whose author was told that it is on disk is with all who may have it."""
    ledger, outside = story.ledger, set(story.ledger.removed)
    if outside:
        # Whom somebody let in who was removed meanwhile is outside as well.
        outside |= set(story.world.desks) - {machine.name for machine in story.members}
    for each in ledger.acknowledged:
        if each.entry in ledger.excused or each.author in outside:
            continue
        for machine in (*_readers(story, each.channel), *_relays(story)):
            if not holds(machine, each.log, each.seq):
                yield f"{machine.name} lacks entry {each.seq} of {each.author}"
    for mid, spoken in ledger.spoken.items():
        if not spoken.entry or spoken.entry in ledger.excused or spoken.author in outside:
            continue
        for machine in _readers(story, spoken.channel):
            row = machine.workspace.store.message(mid)
            if row is None:
                yield f"{machine.name} does not show what {spoken.author} said"
            elif spoken.deleted and spoken.deleted not in ledger.excused and not row.deleted:
                yield f"{machine.name} still shows what {spoken.author} took back"


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
                    if spoken is None or spoken.entry not in story.ledger.excused:
                        yield f"{machine.name} shows an answer to nothing"
                elif Fault.CLOCK_JUMP not in story.schedule.faults:
                    if place[row.reply_to] >= place[row.mid]:
                        yield f"{machine.name} shows an answer above what it answers"


def authors_know_that_all_have_it(story: Story) -> Iterator[str]:
    """Receipts come to count everybody, unless disks or members were lost."""
    if story.schedule.faults & {Fault.OLD_BACKUP, Fault.REMOVAL}:
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
    machine = members[story.schedule.seed % len(members)]
    store = machine.workspace.store
    before = machine.canonical()
    store.clear_projection()
    machine.store.commit()
    story.world.crash(machine)
    story.world.start(machine, clean=True)
    if machine.canonical() != before:
        yield f"{machine.name} shows something else after a new start"


ALWAYS: tuple[Oracle, ...] = (
    receipts_never_overcount,
    time_orders_messages_and_nobody_speaks_for_another,
)
AGREEMENT: tuple[Oracle, ...] = (
    everybody_runs_and_knows_the_same_roster,
    nobody_is_behind,
    all_readers_see_the_same,
    nothing_acknowledged_is_lost,
    authors_know_that_all_have_it,
)
"""What takes time, and must come about within bounds."""
AT_REST: tuple[Oracle, ...] = (
    answers_follow_what_they_answer,
    time_orders_messages_and_nobody_speaks_for_another,
    who_is_outside_knows_nothing,
    what_is_shown_follows_from_what_is_held,
)
