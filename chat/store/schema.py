"""The tables, and how an older file becomes a newer one.

`PRAGMA user_version` counts the steps a file has been through. Opening runs the missing ones in
one transaction; a file with more steps than this program knows is refused unchanged. A step that
has been released is never edited: what comes later is a step of its own.

Every table is described in docs/protocol/disk.md. Names for columns that recur:
- `channel`, `log`: numbers of rows in the tables of that name;
- `entry`: the row id of an entry, workspace number << 40 | arrival number;
- `device`, `member`, `epoch`, `roster`: numbers of rows in `name`, where each value stands once.
"""

from collections.abc import Sequence

from chat.errors import StoreError
from chat.store.database import Database

Step = tuple[str, ...]

_REPLICATED: Step = (
    """CREATE TABLE setting (
        key TEXT PRIMARY KEY, value BLOB NOT NULL
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE workspace (
        number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, projection INTEGER NOT NULL
    ) STRICT""",
    """CREATE TABLE name (
        number INTEGER PRIMARY KEY, value BLOB NOT NULL UNIQUE
    ) STRICT""",
    """CREATE TABLE channel (
        number INTEGER PRIMARY KEY, workspace INTEGER NOT NULL, id BLOB NOT NULL,
        first_ms INTEGER NOT NULL, messages INTEGER NOT NULL,
        read_hlc INTEGER NOT NULL, read_message BLOB NOT NULL,
        UNIQUE (workspace, id)
    ) STRICT""",
    """CREATE TABLE log (
        number INTEGER PRIMARY KEY, channel INTEGER NOT NULL, part INTEGER NOT NULL,
        device INTEGER NOT NULL, incarnation BLOB NOT NULL,
        low INTEGER, head INTEGER, low_prev BLOB, head_id BLOB,
        head_roster INTEGER, head_hlc INTEGER, last_arrival INTEGER,
        UNIQUE (channel, part, device, incarnation)
    ) STRICT""",
    """CREATE TABLE entry (
        arrival INTEGER PRIMARY KEY, log INTEGER NOT NULL, seq INTEGER NOT NULL,
        hlc INTEGER NOT NULL, epoch INTEGER NOT NULL, roster INTEGER NOT NULL,
        lists_heads INTEGER NOT NULL, nonce BLOB NOT NULL, id BLOB NOT NULL,
        signature BLOB, ciphertext BLOB, ct_hash BLOB, ct_len INTEGER
    ) STRICT""",
    "CREATE UNIQUE INDEX entry_of_log ON entry (log, seq)",
    "CREATE TABLE head_set (roster INTEGER PRIMARY KEY, heads BLOB NOT NULL) STRICT",
    """CREATE TABLE fork (
        log INTEGER PRIMARY KEY, seq INTEGER NOT NULL, first BLOB NOT NULL, second BLOB NOT NULL
    ) STRICT""",
    """CREATE TABLE receipt (
        log INTEGER NOT NULL, device INTEGER NOT NULL, seq INTEGER NOT NULL,
        PRIMARY KEY (log, device)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE cursor (
        number INTEGER PRIMARY KEY, workspace INTEGER NOT NULL, replica BLOB NOT NULL,
        arrival INTEGER NOT NULL, id BLOB NOT NULL,
        UNIQUE (workspace, replica)
    ) STRICT""",
    """CREATE TABLE address (
        number INTEGER PRIMARY KEY, workspace INTEGER NOT NULL, url TEXT NOT NULL,
        device BLOB, seen_ms INTEGER NOT NULL,
        UNIQUE (workspace, url)
    ) STRICT""",
    """CREATE TABLE roster_op (
        number INTEGER PRIMARY KEY, workspace INTEGER NOT NULL, id BLOB NOT NULL,
        wire BLOB NOT NULL,
        UNIQUE (workspace, id)
    ) STRICT""",
    """CREATE TABLE seals (
        workspace INTEGER NOT NULL, epoch BLOB NOT NULL, block BLOB NOT NULL,
        PRIMARY KEY (workspace, epoch)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE epoch_key (
        workspace INTEGER NOT NULL, epoch BLOB NOT NULL, key BLOB NOT NULL,
        PRIMARY KEY (workspace, epoch)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE claim (
        number INTEGER PRIMARY KEY, workspace INTEGER NOT NULL, id BLOB NOT NULL,
        wire BLOB NOT NULL, at_ms INTEGER NOT NULL,
        UNIQUE (workspace, id)
    ) STRICT""",
    """CREATE TABLE want (
        number INTEGER PRIMARY KEY, workspace INTEGER NOT NULL, root BLOB NOT NULL,
        UNIQUE (workspace, root)
    ) STRICT""",
    """CREATE TABLE untimely (
        channel INTEGER NOT NULL, mid BLOB NOT NULL, hlc INTEGER NOT NULL,
        late INTEGER NOT NULL, unread INTEGER NOT NULL, ahead_ms INTEGER NOT NULL,
        PRIMARY KEY (channel, mid)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX untimely_unread ON untimely (channel, hlc, mid) WHERE unread",
)
"""What comes from peers and from the user; nothing here can be made again from the rest."""

_PROJECTED: Step = (
    """CREATE TABLE message (
        number INTEGER PRIMARY KEY, channel INTEGER NOT NULL, hlc INTEGER NOT NULL,
        mid BLOB NOT NULL, member INTEGER NOT NULL, entry INTEGER NOT NULL, salt BLOB NOT NULL,
        reply_to BLOB, counted INTEGER NOT NULL, mine INTEGER NOT NULL,
        mentions_me INTEGER NOT NULL, deleted INTEGER NOT NULL,
        text TEXT NOT NULL, state BLOB
    ) STRICT""",
    "CREATE UNIQUE INDEX message_of_id ON message (mid, channel)",
    "CREATE INDEX message_in_order ON message (channel, hlc, mid, counted)",
    """CREATE INDEX message_of_thread ON message (channel, reply_to, hlc, mid, deleted)
        WHERE reply_to IS NOT NULL""",
    """CREATE INDEX message_to_me ON message (channel, hlc, mid)
        WHERE mentions_me AND counted""",
    """CREATE TABLE orphan (
        channel INTEGER NOT NULL, mid BLOB NOT NULL, state BLOB NOT NULL,
        PRIMARY KEY (channel, mid)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE reaction (
        channel INTEGER NOT NULL, mid BLOB NOT NULL, emoji TEXT NOT NULL, member INTEGER NOT NULL,
        hlc INTEGER NOT NULL, id BLOB NOT NULL, shown INTEGER NOT NULL,
        PRIMARY KEY (channel, mid, emoji, member)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE register (
        channel INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
        hlc INTEGER NOT NULL, id BLOB NOT NULL,
        PRIMARY KEY (channel, key)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE file (
        root BLOB NOT NULL, channel INTEGER NOT NULL, mid BLOB NOT NULL, sha256 BLOB NOT NULL,
        PRIMARY KEY (root, channel, mid)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX file_of_plaintext ON file (sha256)",
    "CREATE TABLE waiting (entry INTEGER PRIMARY KEY, epoch INTEGER NOT NULL) STRICT",
    "CREATE INDEX waiting_for_epoch ON waiting (epoch)",
    "CREATE TABLE newer (entry INTEGER PRIMARY KEY, part INTEGER NOT NULL) STRICT",
    """CREATE TABLE quarantine (
        channel INTEGER NOT NULL, id BLOB NOT NULL, reason TEXT NOT NULL,
        PRIMARY KEY (channel, id)
    ) STRICT, WITHOUT ROWID""",
    """CREATE VIRTUAL TABLE search USING fts5 (
        words, content='', contentless_delete=1, tokenize='unicode61 remove_diacritics 2'
    )""",
)
"""What the face reads; it can be made again from entries and keys."""

_VOIDED: Step = ("CREATE TABLE voided (entry INTEGER PRIMARY KEY) STRICT",)

_ERASED: Step = (
    """CREATE TABLE erasure (
        channel INTEGER NOT NULL, device INTEGER NOT NULL, incarnation BLOB NOT NULL,
        seq INTEGER NOT NULL, statement INTEGER NOT NULL, salt BLOB NOT NULL, post INTEGER NOT NULL,
        PRIMARY KEY (channel, device, incarnation, seq, statement)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE wording (
        channel INTEGER NOT NULL, mid BLOB NOT NULL, entry INTEGER NOT NULL,
        PRIMARY KEY (channel, mid, entry)
    ) STRICT, WITHOUT ROWID""",
)

_SPENT: Step = (
    """CREATE TABLE spent (
        workspace INTEGER NOT NULL, device INTEGER NOT NULL, day INTEGER NOT NULL,
        bytes INTEGER NOT NULL, entries INTEGER NOT NULL,
        PRIMARY KEY (workspace, device, day)
    ) STRICT, WITHOUT ROWID""",
)

_FORGOTTEN: Step = ("ALTER TABLE log ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0",)

STEPS: tuple[Step, ...] = ((*_REPLICATED, *_PROJECTED), _VOIDED, _ERASED, _SPENT, _FORGOTTEN)
"""One tuple of statements for each version of the schema, from 1."""

APPLICATION_ID = 0x436C6F77  # "Clow": what `file` and others may tell of a decrypted copy


def migrate(database: Database, steps: Sequence[Step] = STEPS) -> None:
    """Bring a file to the newest version, in one committed transaction.

    Raises:
        StoreError: the file is of a newer program, or a step failed; it is as it was.
    """
    row = database.one("PRAGMA user_version")
    version = 0 if row is None else int(row[0])
    if version > len(steps):
        raise StoreError(
            f"{database.path} was written by a newer Clowder (its schema is {version}, this one "
            f"knows {len(steps)}). Update Clowder; the file is unchanged."
        )
    if version == len(steps):
        return
    try:
        if version == 0:
            database.write(f"PRAGMA application_id = {APPLICATION_ID}")
        for step in steps[version:]:
            for statement in step:
                database.write(statement)
        database.write(f"PRAGMA user_version = {len(steps)}")
        database.commit()
    except StoreError:
        database.rollback()
        raise
