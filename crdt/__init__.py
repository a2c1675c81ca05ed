"""Everything replicated and convergent, pure: keys, entries, roster, epochs, channels, sync."""
