"""What people answered before, read off a snapshot: for a worker that missed it, and for the next attempt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hitl_jupyter.link.messages import Resolved
from hitl_jupyter.masking import MASK
from hitl_jupyter.protocol import encode
from hitl_jupyter.snapshot import Settled, Snapshot


def answers_given(snapshot: Snapshot) -> Iterator[Resolved]:
    """What this attempt's settled requests came to; the worker still has the secrets, for it checked them."""
    for settled in snapshot.settled:
        if settled.attempt == snapshot.attempt:
            yield Resolved(
                request_id=settled.request_id,
                outcome=settled.outcome,
                value=settled.value,
                by=settled.by,
                via=settled.via,
                masked=MASK.encode() in encode(settled.value),
            )


def reusable(snapshot: Snapshot) -> dict[str, list[Any]]:
    """Per question, the answers of the latest attempt that got any, in order."""
    forms = [s for s in snapshot.settled if s.kind == "user_input" and s.outcome == "answered"]
    latest = {_identity(form): form.attempt for form in forms}
    reusable: dict[str, list[Any]] = {}
    for form in forms:
        if form.attempt == latest[_identity(form)]:
            reusable.setdefault(_identity(form), []).append(form.value)
    return reusable


def _identity(settled: Settled) -> str:
    return settled.key or settled.message
