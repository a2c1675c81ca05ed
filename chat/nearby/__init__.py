"""Nearby: an invite for somebody in the same room, by a label and six digits that both compare.

`label` is what is announced, `messages` what passes, `code` what is compared. `offer` (who
invites) and `approach` (who comes) are the two sides as pure machines; `offering` and `visiting`
are the shells around them, each with links, keys and an announcement of its own.
Format: docs/protocol/nearby.md.
"""
