"""Measurements of the real program, each beside a floor taken in the same run.

`make bench` runs all of them, prints one JSON object a line on stdout and writes the table of
docs/performance.md. A machine's speed drifts, so what is promised are ratios: how many times as
long as the least that any program of this kind must do.
"""
