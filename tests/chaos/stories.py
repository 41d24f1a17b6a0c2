"""Hand-made evidence: one sound session, and ways to spoil it, for the tests of the rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from hitl_jupyter.protocol import decode_events, encode
from hitl_jupyter.snapshot import Snapshot, fold
from tests.chaos.evidence import Event, Evidence, Record
from tests.chaos.history import Op, Phase, Sighting, What, digest_of
from tests.chaos.ledger import Line

ADA = {"outcome": "answered", "value": True, "by": "Ada", "via": "browser", "at": 5.0}
"""How the one question was settled."""

Spoil = Callable[[list[Event]], list[Event]]


def events() -> list[Event]:
    """A session that asks one question and completes."""
    facts = {"task": "t", "title": "key-1", "owner": "ada"}
    story: list[Event] = [
        {"type": "status", "status": "queued", "session": facts},
        {"type": "status", "status": "running"},
        {"type": "stream", "content": "run r1"},
        {"type": "request_confirmation", "request_id": "q1", "key": "k", "message": "r1.1"},
        {"type": "status", "status": "waiting"},
        {"type": "request_resolved", "request_id": "q1", **ADA},
        {"type": "status", "status": "running"},
        {"type": "task_completed", "values": {"run": "r1"}},
        {"type": "status", "status": "completed"},
    ]
    return numbered(story)


def numbered(story: list[Event]) -> list[Event]:
    """The same, with what every event carries."""
    return [
        {"session_id": "s", "timestamp": 1.0, "attempt": 1, **event, "seq": seq} for seq, event in enumerate(story, 1)
    ]


def ledger() -> list[Line]:
    """What its task says of it."""
    return [
        Line(run="r1", effect="began"),
        Line(run="r1", effect="answered", question="r1.1", key="k", value=True),
        Line(run="r1", effect="ended"),
    ]


def record(
    spoil: Spoil = lambda story: story,
    lines: list[Line] | None = None,
    snapshot: Snapshot | None = None,
    session_id: str = "s",
) -> Record:
    """A session whose events were spoiled; its snapshot is their fold unless it is given."""
    journal = msgspec.json.encode(spoil(events()))
    kept = fold(decode_events(journal)) if snapshot is None else snapshot
    return Record(session_id, journal, encode(kept), ledger() if lines is None else lines)


def op(what: What, phase: Phase, asked: dict[str, Any], reply: dict[str, Any], **facts: Any) -> Op:
    """A command; without times it took from 1 to 2."""
    sound = {"client": "c", "session_id": "s", "invoked": 1.0, "ended": 2.0, **facts}
    return Op(what=what, phase=phase, asked=asked, reply=reply, **sound)


def started(phase: Phase = "ok", key: str = "key-1", session_id: str = "s") -> Op:
    """The start of the session."""
    return op("start", phase, {"idempotency_key": key}, {"session_id": session_id})


def answered(phase: Phase = "ok", key: str = "key-2", asked: dict[str, Any] | None = None, **reply: Any) -> Op:
    """An answer to its question, whose reply is the truth but for what is given."""
    code = {"code": "already_settled"} if phase == "fail" else {}
    command = {"request_id": "q1", "idempotency_key": key, **(asked or {})}
    return op("answer", phase, command, {"request_id": "q1", **ADA, **code, **reply})


def saw(seq: int, *, digest: str | None = None, reader: str = "r", epoch: int = 1, fresh: bool = False) -> Sighting:
    """One event as a reader got it; the truth, but for what is given."""
    true = digest_of(msgspec.json.encode(events()[seq - 1]))
    return Sighting(reader=reader, epoch=epoch, session_id="s", seq=seq, digest=digest or true, fresh=fresh)


def sound() -> Evidence:
    """Evidence without a fault in it."""
    ops = [
        started(),
        started(),
        answered(),
        answered(),
        answered("fail", "key-3"),
        op("read", "ok", {}, {"last_seq": 3}),
        op("read", "ok", {}, {"last_seq": 9}, invoked=3.0, ended=4.0),
    ]
    sightings = [saw(1, fresh=True), saw(2), saw(3, fresh=True), saw(1, fresh=True, epoch=2)]
    return Evidence([record()], ops, sightings)


def without(*seqs: int) -> Spoil:
    """Leave these events out, and number the others anew."""
    return lambda story: numbered([event for event in story if event["seq"] not in seqs])


def with_event(after: int, event: Event) -> Spoil:
    """One more event, after that number."""
    return lambda story: numbered([*story[:after], event, *story[after:]])


def changed(seq: int, **facts: Any) -> Spoil:
    """Another content for one event."""
    return lambda story: [{**event, **facts} if event["seq"] == seq else event for event in story]
