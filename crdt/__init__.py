"""Everything replicated and convergent, pure: keys, entries, logs, roster, epochs, channels, sync."""
