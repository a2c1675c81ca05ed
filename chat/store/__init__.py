"""The store: one encrypted SQLite file a profile.

    store = Store(path, key, entropy)
    workspace = store.workspace(workspace_id)
    workspace.append(entries)
    store.commit()

Calls are synchronous, short, and from one thread. Every failure is a `StoreError` whose text is
a sentence for the user; after one, `store.rollback()` and go on. What is projected from entries
(messages, registers, the full-text index) can be made again. Format: docs/protocol/disk.md.
"""

from chat.store.logs import LogState
from chat.store.store import Store, WorkspaceStore

__all__ = ["LogState", "Store", "WorkspaceStore"]
