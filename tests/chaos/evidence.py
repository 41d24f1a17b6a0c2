"""What the rules judge: the history, and per session the final journal, its snapshot and the task's ledger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import msgspec

from hitl_jupyter.protocol import split_batch
from hitl_jupyter.snapshot import Snapshot
from tests.chaos.history import Op, Sighting, digest_of
from tests.chaos.ledger import Line

Event = dict[str, Any]

RUN = "run "
"""How the first line of a run begins: the word that its ledger calls it follows."""


class Record:
    """One session when all is over.

    Parameters
    ----------
    session_id : str
        Which.
    journal : bytes
        All its events, as the JSON array that the host gives.
    snapshot : bytes
        Its snapshot, as JSON.
    ledger : sequence of Line
        What its task says it did.
    """

    def __init__(self, session_id: str, journal: bytes, snapshot: bytes, ledger: Sequence[Line] = ()) -> None:
        self.session_id = session_id
        self.journal = journal
        self.raw = [bytes(raw) for raw in split_batch(journal)]
        self.events: list[Event] = [msgspec.json.decode(raw) for raw in self.raw]
        self.snapshot = msgspec.json.decode(snapshot, type=Snapshot)
        self.ledger = list(ledger)

    @cached_property
    def digests(self) -> dict[int, str]:
        """What each number stands for."""
        return {event["seq"]: digest_of(raw) for event, raw in zip(self.events, self.raw, strict=True)}

    @cached_property
    def requests(self) -> dict[str, Event]:
        """The event that opened each request."""
        return {event["request_id"]: event for event in self.events if _opens(event)}

    @cached_property
    def resolutions(self) -> dict[str, list[Event]]:
        """What settled each request; more than one is a fault."""
        found = defaultdict(list)
        for event in self.of_type("request_resolved"):
            found[event["request_id"]].append(event)
        return found

    @cached_property
    def attempt_of_run(self) -> dict[str, set[int]]:
        """In which attempt each run streamed its first line; a run that was lost before is in none."""
        found = defaultdict(set)
        for event in self.of_type("stream"):
            if event["content"].startswith(RUN):
                found[event["content"].removeprefix(RUN)].add(event["attempt"])
        return found

    @property
    def title(self) -> str:
        """What it was started as."""
        title: str = self.events[0]["session"]["title"]
        return title

    def of_type(self, *kinds: str) -> Iterator[Event]:
        """Its events of these types."""
        return (event for event in self.events if event["type"] in kinds)


def _opens(event: Event) -> bool:
    return event.get("request_id") is not None and event["type"] in (
        "request_confirmation",
        "request_user_input",
        "task_failed",
    )


class Evidence:
    """All that is known of a run.

    ``sessions`` has every session of the store, whoever started it.
    """

    def __init__(self, sessions: Sequence[Record], ops: Sequence[Op] = (), sightings: Sequence[Sighting] = ()) -> None:
        self.sessions = {record.session_id: record for record in sessions}
        self.ops = list(ops)
        self.sightings = list(sightings)

    def ops_of(self, what: str, *phases: str) -> list[Op]:
        """The commands of one kind that came to one of these ends."""
        return [op for op in self.ops if op.what == what and (not phases or op.phase in phases)]
