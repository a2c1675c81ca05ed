"""Shared notes: a Yjs text for each channel, in a process that may die without harm.

host.py is what the node uses. It keeps the canonical order (crdt.notes), starts and feeds the
process (process.py, pipe.py, worker.py), and finds the update that killed it (suspects.py).
document.py is the one module that imports pycrdt, and only the worker imports document.py.
"""
