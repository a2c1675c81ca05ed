"""Links to the peers of a workspace.

links, circle       the shell: `Links`; the devices linked now, which the node sees as `LinkHandle`s
targets, standing   pure: whom to dial when; which of several links to a device counts
neighbours          pure: which of those who are online this device should be linked with
dialler             dials
presence, racing    listening, being found and noticing a move; dialling several addresses at once
announcements       who announces itself on the LAN
introduction        what devices say of themselves in the handshake
identity, handle    the values that the node gives and gets
addresses, endings  spelling of URLs; sentences for ends
limits              bounds
"""

from chat.links.handle import LinkHandle
from chat.links.identity import Contact, Identity, PeerHello, Refusal
from chat.links.links import Links

__all__ = ["Contact", "Identity", "LinkHandle", "Links", "PeerHello", "Refusal"]
