"""The store: one encrypted SQLite file a profile, and block files beside it."""
