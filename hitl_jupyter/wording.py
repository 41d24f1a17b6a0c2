"""A session in words that are the same for every run that went the same way: no ids, no times, no addresses.

Questions begin with ``?``, answers with ``=``, errors with ``!``.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from hitl_jupyter.protocol import Outcome, Status
from hitl_jupyter.snapshot import Snapshot

TRY_AGAIN = "Try again?"

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def describe(title: str, status: Status | None, waiting: int = 0, error: str | None = None) -> str:
    """One line on a session.

    Examples
    --------
    >>> describe("Train model", "waiting", 1)
    "hitl session 'Train model': waiting for 1 answer"
    >>> describe("Train model", "failed", error="no such file")
    "hitl session 'Train model': failed (no such file)"
    >>> describe("Train model", None)
    "hitl session 'Train model'"
    """
    name = f"hitl session {title!r}"
    if status is None:
        return name
    if status == "waiting":
        return f"{name}: waiting for {waiting} answer{'' if waiting == 1 else 's'}"
    return f"{name}: {status} ({error})" if status == "failed" and error else f"{name}: {status}"


def headline(snapshot: Snapshot) -> str:
    """The line on a session as it stands, with the first line of its error."""
    title = snapshot.session.title if snapshot.session else ""
    error = without_addresses(snapshot.error.error.partition("\n")[0]) if snapshot.error else None
    return describe(title, snapshot.status, len(snapshot.open_requests), error)


def answer(outcome: Outcome, value: Any) -> str:
    """What became of a question.

    Examples
    --------
    >>> answer("answered", True), answer("defaulted", {"n": 1}), answer("expired", None)
    ('yes', '{"n": 1} (by default)', 'expired')
    """
    if outcome not in ("answered", "defaulted"):
        return outcome
    said = ("yes" if value else "no") if isinstance(value, bool) else json_text(value)
    return f"{said} (by default)" if outcome == "defaulted" else said


def json_text(value: Any, indent: int = 0) -> str:
    """JSON with its keys in order; on one line, unless it is to be indented."""
    return msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=indent).decode()


def without_addresses(text: str) -> str:
    """A text without the addresses in memory that Python writes into it.

    Examples
    --------
    >>> without_addresses("<Figure at 0x7f00>")
    '<Figure>'
    """
    return _ADDRESS.sub("", text)
