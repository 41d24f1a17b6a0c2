"""Rules about events: numbers, readers, endings, statuses. Each yields a sentence for every violation."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise

from hitl_jupyter.protocol import decode_events
from hitl_jupyter.snapshot import fold
from hitl_jupyter.states import ENDED, MOVES
from tests.chaos.evidence import Event, Evidence, Record

FROM_THE_TASK = ("stream", "display", "progress", "request_confirmation", "request_user_input", "request_overdue")
"""What only a living attempt adds to a journal; beside its one ending."""


def numbers_have_no_gap(evidence: Evidence) -> Iterator[str]:
    """A session's events are 1, 2, 3, …"""
    for record in evidence.sessions.values():
        numbers = [event["seq"] for event in record.events]
        if numbers != list(range(1, len(numbers) + 1)):
            at = next((n for n, seq in enumerate(numbers, 1) if n != seq), len(numbers))
            yield f"{record.session_id}: number {at} is {numbers[at - 1 : at + 1]}"


def what_was_seen_is_in_the_journal(evidence: Evidence) -> Iterator[str]:
    """An event that any reader has seen is there at the end, with the same bytes."""
    for sighting in evidence.sightings:
        record = evidence.sessions.get(sighting.session_id)
        kept = record.digests.get(sighting.seq) if record else None
        if kept != sighting.digest:
            yield f"{sighting.session_id}: {sighting.reader} saw {sighting.seq} as {sighting.digest}, kept is {kept}"


def one_number_means_one_thing(evidence: Evidence) -> Iterator[str]:
    """All readers got the same bytes for (epoch, session, seq)."""
    seen: dict[tuple[int, str, int], str] = {}
    for sighting in evidence.sightings:
        name = (sighting.epoch, sighting.session_id, sighting.seq)
        if seen.setdefault(name, sighting.digest) != sighting.digest:
            yield f"{name} is {seen[name]} for one reader and {sighting.digest} for {sighting.reader}"


def readers_get_each_number_once_in_order(evidence: Evidence) -> Iterator[str]:
    """A reader's next event is the next number, over all its connections; only a new start begins at 1 again."""
    last: dict[tuple[str, str], int] = defaultdict(int)
    for sighting in evidence.sightings:
        place = (sighting.reader, sighting.session_id)
        anew = sighting.fresh and sighting.seq == 1
        if sighting.seq != last[place] + 1 and not anew:
            yield f"{place} got {sighting.seq} after {last[place]}"
        last[place] = sighting.seq


def an_attempt_ends_once(evidence: Evidence) -> Iterator[str]:
    """Every attempt but a live one has exactly one ending.

    A session that is cancelled while it waits for "retry?" has ended its attempt before: ``task_cancelled`` is then
    the end of the session alone.
    """
    for record in evidence.sessions.values():
        endings = Counter(event["attempt"] for event in record.events if _ends(event))
        last = record.snapshot.attempt
        if _cancelled_between_attempts(record):
            endings[last] -= 1
        for attempt in range(1, last + 1):
            may_live = attempt == last and record.snapshot.status not in ENDED
            if endings[attempt] > 1 or (not endings[attempt] and not may_live):
                yield f"{record.session_id}: attempt {attempt} has {endings[attempt]} endings"


def nothing_comes_after_an_ending(evidence: Evidence) -> Iterator[str]:
    """An attempt that has ended adds nothing more."""
    for record in evidence.sessions.values():
        over: set[int] = set()
        for event in record.events:
            late = event["type"] in FROM_THE_TASK or event["type"] in ("task_completed", "task_failed")
            if event["attempt"] in over and late:
                yield f"{record.session_id}: {event['type']} {event['seq']} comes after attempt {event['attempt']}"
            if _ends(event):
                over.add(event["attempt"])


def statuses_follow_the_table(evidence: Evidence) -> Iterator[str]:
    """Every change of status is a row of MOVES, and the last one is what the session has."""
    for record in evidence.sessions.values():
        statuses = [event["status"] for event in record.of_type("status")]
        if not statuses or statuses[0] != "queued" or statuses[-1] != record.snapshot.status:
            yield f"{record.session_id}: statuses are {statuses}, the snapshot says {record.snapshot.status}"
        for before, after in pairwise(statuses):
            if after not in MOVES.get(before, ()):
                yield f"{record.session_id}: {before} became {after}"


def a_snapshot_is_the_fold_of_its_events(evidence: Evidence) -> Iterator[str]:
    """What a late viewer is shown is what the events say."""
    for record in evidence.sessions.values():
        if fold(decode_events(record.journal)) != record.snapshot:
            yield f"{record.session_id}: the snapshot is not the fold of the {len(record.events)} events"


def every_session_has_ended(evidence: Evidence) -> Iterator[str]:
    """Once everybody was answered or cancelled, nothing lives on."""
    for record in evidence.sessions.values():
        if record.snapshot.status not in ENDED:
            yield f"{record.session_id} is {record.snapshot.status} for ever"


def _ends(event: Event) -> bool:
    if event["type"] == "task_failed":
        return bool(event.get("ends_attempt", True))
    return event["type"] in ("task_completed", "task_cancelled")


def _cancelled_between_attempts(record: Record) -> bool:
    endings = [event for event in record.events if _ends(event)]
    return (
        len(endings) > 1
        and endings[-1]["type"] == "task_cancelled"
        and endings[-2].get("request_id") is not None
        and endings[-1]["attempt"] == endings[-2]["attempt"]
    )
