"""The timeline: which messages are loaded, how high they are, what is painted."""
