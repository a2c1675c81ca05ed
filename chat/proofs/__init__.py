"""Signed exports: a file with which anybody can check, offline, who wrote what under which rights.

`records` has the bytes, `writing` makes a file of what a workspace holds, `checking` judges one
with the same code that judges what peers send, and needs no profile for it.
"""
