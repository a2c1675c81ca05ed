"""Data that ships with the package: the word list of invites."""
