"""Pure link protocol, byte by byte as in docs/protocol/link.md.

hints, preamble, noise, handshake    opening a link: `Initiator`, `Responder`, `Established`
records, outbox, reassembly, window  what frames hold, what goes next, what may come
session, closing                     an established link: `Session`, `LinkEnd`
announcement                         what a device says of itself on the LAN
backoff, duplicates                  when to dial again, which of two links stays
limits, errors, crypto               bounds, the error tree, the wrapper of PyNaCl
"""
