"""Lengths of time in as few words as tell them apart."""

from __future__ import annotations

from datetime import datetime

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def ago(seconds: float) -> str:
    """How long ago something was.

    Examples
    --------
    >>> ago(5), ago(150), ago(7200), ago(200_000)
    ('5 s', '2 min', '2 h', '2 d')
    """
    for length, unit in _UNITS:
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return f"{max(0, int(seconds))} s"


def at(timestamp: float | None) -> str:
    """A moment as this machine's clock shows it; empty for none."""
    if not timestamp:
        return ""
    return datetime.fromtimestamp(timestamp).astimezone().strftime("%Y-%m-%d %H:%M:%S %z")
