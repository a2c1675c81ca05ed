"""One workspace as a machine: what peers and the user say goes in, effects come out.

Theory of operation. Every call reads and writes the workspace's store inside the caller's
transaction and gives back what is to be done once that is committed: persist, then tell. Time
and randomness are arguments, so the same code runs in tests that own both.

    machine.py    the one door: links, payloads, time; replication, reading, keys
    talking.py    what the user says about messages and channels
    people.py     inviting, letting in, channels, handing keys on
    members.py    who comes and goes: removing, promoting, accepting, private channels
    founding.py   how a workspace begins
    ephemeral.py  what is shown and never kept: who writes, where cursors are, who is online
    gossip.py     how that goes from hand to hand; voices.py, what was heard of whom lately
    limits.py     bounds of both

When a call raises StoreError the caller rolls back and makes a new engine from the store.
"""

from chat.engine.machine import Engine

__all__ = ["Engine"]
