"""Guests: somebody outside the workspace reads a channel that has a link.

channel_link    the link as a person hands it on, and the door that follows from it
doors           which channels have a door now
messages        what passes at a door
host, visit     the two sides as pure machines
reading         the guest's shell: links, a file that what comes is written to, and judging it

What a guest gets is a signed export (`chat.proofs`) without keys, and a part of one when it asks
for the newest alone; it is judged by the code that judges a file. So a host can leave out, and
nothing else, and a relay is as good a host as a member. Keys never pass at a door: a public
channel's stands in the roster, a hidden one's in its link. Format: docs/protocol/guests.md.
"""
