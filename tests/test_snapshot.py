"""The fold: pure, the same however the history is cut, and held to the golden files."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_jupyter.protocol import (
    JournalEvent,
    RequestOverdue,
    RequestResolved,
    StatusChanged,
    Stream,
    TaskCompleted,
    TaskFailed,
    decode_events,
    encode,
)
from hitl_jupyter.snapshot import SETTLED_KEPT, Snapshot, apply, find_open, find_settled, fold, kind_of
from hitl_jupyter.states import ENDED
from tests.golden import make
from tests.support.histories import histories

# -- the golden files --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("session", make.SESSIONS, ids=lambda session: session.__name__)
def test_a_golden_file_is_fresh(session: Callable[[make.Script], None]) -> None:
    written = make.path_of(session).read_text(encoding="utf-8")
    assert written == make.golden_text(session), "stale: run `python -m tests.golden.make`"


@pytest.mark.parametrize("path", sorted(make.FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_the_events_of_a_golden_file_fold_to_its_snapshot(path: Path) -> None:
    golden = json.loads(path.read_text(encoding="utf-8"))
    events = decode_events(json.dumps(golden["events"]).encode())
    assert json.loads(encode(fold(events))) == golden["snapshot"]


def test_every_golden_file_has_its_session() -> None:
    assert {path.stem for path in make.FOLDER.glob("*.json")} == {session.__name__ for session in make.SESSIONS}


# -- properties --------------------------------------------------------------------------------------------------------


@given(histories(), st.data())
def test_a_prefix_and_the_rest_fold_to_the_whole(history: list[JournalEvent], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(history)))
    assert fold(history[cut:], fold(history[:cut])) == fold(history)


@given(histories())
def test_folding_is_applying_one_by_one(history: list[JournalEvent]) -> None:
    snapshot = Snapshot()
    for event in history:
        snapshot = apply(snapshot, event)
    assert snapshot == fold(history)


@given(histories())
def test_applying_changes_neither_the_snapshot_nor_the_event(history: list[JournalEvent]) -> None:
    snapshot = Snapshot()
    for event in history:
        before = copy.deepcopy((snapshot, event))
        after = apply(snapshot, event)
        assert (snapshot, event) == before
        assert apply(snapshot, event) == after
        snapshot = after


@given(histories())
def test_a_snapshot_survives_the_journal(history: list[JournalEvent]) -> None:
    kept = fold(decode_events(encode(history)))
    assert json.loads(encode(kept)) == json.loads(encode(fold(history)))


@given(histories())
def test_a_history_leaves_what_it_says(history: list[JournalEvent]) -> None:
    snapshot = fold(history)
    settled = [event for event in history if isinstance(event, RequestResolved)]
    open_ids = [request.request_id for request in snapshot.open_requests]
    assert snapshot.last_seq == len(history)
    assert snapshot.status == [event.status for event in history if isinstance(event, StatusChanged)][-1]
    assert snapshot.streams == sum(isinstance(event, Stream) for event in history)
    assert snapshot.settled_count == len(settled)
    assert not {event.request_id for event in settled} & set(open_ids)
    assert set(snapshot.overdue) <= set(open_ids)
    assert (snapshot.ended_at is not None) is (snapshot.status in ENDED) is snapshot.ended
    assert [span.attempt for span in snapshot.attempts] == list(range(1, snapshot.attempt + 1))


@given(histories())
def test_a_session_waits_exactly_while_a_request_is_open(history: list[JournalEvent]) -> None:
    snapshot = Snapshot()
    for event in history:
        snapshot = apply(snapshot, event)
        if isinstance(event, StatusChanged):
            assert (snapshot.status == "waiting") is bool(snapshot.open_requests)


# -- by example --------------------------------------------------------------------------------------------------------


def _golden(session: Callable[[make.Script], None]) -> Snapshot:
    return fold(make.events_of(session))


def test_no_events_are_an_empty_snapshot() -> None:
    assert fold([]) == Snapshot()


def test_a_granted_retry_takes_the_error_away() -> None:
    snapshot = _golden(make.second_attempt)
    assert snapshot.error is None
    assert [span.ended_at is not None for span in snapshot.attempts] == [True, True]


def test_a_declined_retry_keeps_the_error() -> None:
    snapshot = _golden(make.declined_retry)
    assert snapshot.status == "failed"
    assert snapshot.error is not None
    assert find_settled(snapshot, "retry-1") is not None


def test_an_attempt_that_waits_for_ctx_retry_has_not_ended() -> None:
    snapshot = _golden(make.failure_and_retry)
    assert snapshot.attempts[-1].ended_at is None
    assert kind_of(snapshot.open_requests[0]) == "retry"


def test_a_new_attempt_begins_with_no_progress() -> None:
    again = StatusChanged(status="queued", attempt=2, seq=99)
    assert apply(_golden(make.progress_and_dropped), again).progress == ()


def test_a_progress_bar_keeps_its_first_moment() -> None:
    epochs, rows = _golden(make.progress_and_dropped).progress
    assert (epochs.label, epochs.done, epochs.total) == ("epoch 1", 1, 3)
    assert epochs.started_at < epochs.updated_at
    assert rows.total is None


def test_a_settled_request_remembers_what_was_asked_and_who_settled_it() -> None:
    settled = find_settled(_golden(make.email_happy_path), "confirm-1")
    assert settled is not None
    assert (settled.key, settled.message, settled.by) == ("send", "Send to ada@example.org?", "Ada")
    assert settled.opened_at < settled.at


def test_a_snapshot_remembers_the_last_settled_requests_and_counts_all() -> None:
    snapshot = _golden(make.more_settled_than_kept)
    assert len(snapshot.settled) == SETTLED_KEPT
    assert snapshot.settled_count == SETTLED_KEPT + 3
    assert find_settled(snapshot, "image-0") is None
    assert find_settled(snapshot, "image-102") is not None


def test_a_resolution_of_an_unknown_request_changes_nothing_but_the_place_in_the_history() -> None:
    before = _golden(make.several_requests_open)
    after = apply(before, RequestResolved(request_id="stranger", outcome="answered", seq=before.last_seq + 1))
    assert after.open_requests == before.open_requests
    assert after.settled_count == before.settled_count


def test_an_answered_request_is_overdue_no_more() -> None:
    snapshot = _golden(make.deadlines)
    assert snapshot.overdue == ("keep-2",)
    assert find_open(snapshot, "keep-2") is not None


def test_an_event_without_a_number_counts_as_zero() -> None:
    assert apply(Snapshot(), Stream(content="a")).last_seq == 0


@pytest.mark.parametrize("event", [TaskCompleted(values=1), TaskFailed(error="no"), RequestOverdue(request_id="r")])
def test_a_history_that_retention_cut_still_folds(event: Any) -> None:
    assert apply(Snapshot(), event).attempts == ()
