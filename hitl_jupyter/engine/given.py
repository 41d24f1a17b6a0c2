"""What a worker is given to run, and what people answered before: to an earlier process, or to an earlier attempt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from hitl_jupyter.engine.results import result_path, steps_path
from hitl_jupyter.engine.starts import environment_of
from hitl_jupyter.journal.contract import CallRow
from hitl_jupyter.link.messages import Called, Recorded, Resolved, Run
from hitl_jupyter.masking import MASK
from hitl_jupyter.protocol import RequestResolved, StartTask, encode
from hitl_jupyter.snapshot import Settled, Snapshot

_resolution_decoder = msgspec.json.Decoder(RequestResolved)


def answers_given(snapshot: Snapshot) -> Iterator[Resolved]:
    """What this attempt's settled requests came to; the worker still has the secrets, for it checked them."""
    for settled in snapshot.settled:
        if settled.attempt == snapshot.attempt:
            yield _as_reply(settled)


def run_of(snapshot: Snapshot, start: StartTask, results: Path, calls: Sequence[CallRow]) -> Run:
    """What a worker is told to run; ``calls`` are those of the durable attempt that it goes on with."""
    env = environment_of(start)
    return Run(
        session_id=snapshot.session_id,
        attempt=snapshot.attempt,
        result_path=str(result_path(results, snapshot.session_id, snapshot.attempt)),
        task=None if start.shipped is not None or start.kernel is not None else start.task,
        params=start.params,
        shipped=start.shipped,
        cwd=env.cwd,
        sys_path=env.sys_path,
        max_retries=start.max_retries,
        retries=snapshot.retries,
        reuse=reusable(snapshot),
        steps=str(steps_path(results, snapshot.session_id, steps_attempt(snapshot))),
        calls=recorded(calls),
    )


def reusable(snapshot: Snapshot) -> dict[str, list[Any]]:
    """Per question, the answers of the latest earlier attempt that got any, in order; none where all is asked anew."""
    if snapshot.attempts and snapshot.attempts[-1].answers == "ask":
        return {}
    earlier = [s for s in snapshot.settled if s.attempt < snapshot.attempt]
    forms = [s for s in earlier if s.kind == "user_input" and s.outcome == "answered"]
    latest = {_identity(form): form.attempt for form in forms}
    reusable: dict[str, list[Any]] = {}
    for form in forms:
        if form.attempt == latest[_identity(form)]:
            reusable.setdefault(_identity(form), []).append(form.value)
    return reusable


def steps_attempt(snapshot: Snapshot) -> int:
    """The attempt whose finished steps count now: the last one that began anew."""
    anew = [span.attempt for span in snapshot.attempts if span.answers == "ask"]
    return max(anew, default=1)


def recorded(rows: Sequence[CallRow]) -> list[Recorded]:
    """What an attempt's earlier processes called, for the one that goes on with it."""
    return [
        Recorded(
            call=Called(number=row.number, name=row.name, place=row.place, request_id=row.request_id),
            answer=None if row.resolution is None else _as_reply(_resolution_decoder.decode(row.resolution)),
        )
        for row in rows
    ]


def _as_reply(settled: Settled | RequestResolved) -> Resolved:
    return Resolved(
        request_id=settled.request_id,
        outcome=settled.outcome,
        value=settled.value,
        by=settled.by,
        via=settled.via,
        masked=MASK.encode() in encode(settled.value),
    )


def _identity(settled: Settled) -> str:
    return settled.key or settled.message
