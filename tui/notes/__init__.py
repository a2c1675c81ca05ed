"""Shared notes: edited here and elsewhere at once."""
