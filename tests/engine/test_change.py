"""The pure part: whatever a worker emits and people do, the status is true to the open requests."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hitl_jupyter.engine.change import Change
from hitl_jupyter.protocol import (
    Event,
    Progress,
    RequestConfirmation,
    RequestResolved,
    SessionFacts,
    StatusChanged,
    Stream,
    TaskCancelled,
    TaskCompleted,
    TaskFailed,
)
from hitl_jupyter.snapshot import Snapshot, fold
from hitl_jupyter.states import ENDED, may_move

IDS = st.sampled_from(["a", "b", "c"])
EVENTS = st.one_of(
    st.builds(Stream, content=st.text(max_size=3)),
    st.builds(Progress, progress_id=IDS, label=st.just("p"), done=st.integers(0, 9)),
    st.builds(RequestConfirmation, request_id=IDS, key=st.sampled_from([None, "k"])),
    st.builds(RequestResolved, request_id=IDS, outcome=st.just("cancelled")),
    st.builds(TaskFailed, error=st.just("e"), ends_attempt=st.just(False), request_id=IDS),
    st.builds(TaskFailed, error=st.just("e"), can_retry=st.booleans(), max_retries=st.integers(0, 1)),
    st.builds(TaskCompleted),
    st.builds(TaskCancelled),
)
STEPS = st.lists(st.one_of(st.lists(EVENTS, min_size=1, max_size=5), st.just("cancel"), st.just("answer")), max_size=8)


def started() -> Snapshot:
    change = Change(Snapshot(session_id="s"), 0.0)
    change.queue_attempt(SessionFacts(task="t", title="T", owner="o"))
    change.move("running")
    return committed(Snapshot(session_id="s"), change)


def committed(snapshot: Snapshot, change: Change) -> Snapshot:
    for seq, event in enumerate(change.events, snapshot.last_seq + 1):
        event.seq = seq
        event.session_id = "s"
    return fold(change.events, snapshot)


def step(snapshot: Snapshot, what: Any) -> Change:
    change = Change(snapshot, 1.0)
    if what == "cancel":
        if snapshot.status not in ENDED and snapshot.status != "cancelling":
            change.begin_cancel("Ada", "browser", "user")
    elif what == "answer":
        for request in snapshot.open_requests[:1]:
            change.resolve(request.request_id or "", "answered", value=True)
            if isinstance(request, TaskFailed) and request.ends_attempt:
                change.queue_attempt()
                change.move("running")
            else:
                change.follow_requests()
    elif snapshot.status in ("running", "waiting", "cancelling"):
        change.take(what, max_open=2)
    return change


def check(snapshot: Snapshot, change: Change, after: Snapshot) -> None:
    status = snapshot.status
    for event in change.events:
        if isinstance(event, StatusChanged):
            assert may_move(status, event.status)
            status = event.status
    open_ids = [request.request_id for request in after.open_requests]
    assert len(open_ids) == len(set(open_ids)) <= 2
    if after.status == "waiting":
        assert open_ids
    if after.status == "running" or after.status in ENDED or after.status == "cancelling":
        assert not open_ids
    endings = [e for e in change.events if isinstance(e, TaskCompleted | TaskCancelled) or _ends(e)]
    assert len(endings) <= 1


def _ends(event: Event) -> bool:
    return isinstance(event, TaskFailed) and event.ends_attempt


@given(STEPS)
def test_the_status_is_always_true_to_the_open_requests_and_moves_as_the_table_says(steps: list[Any]) -> None:
    snapshot = started()
    attempt_over = False
    for what in steps:
        if attempt_over and isinstance(what, list):
            continue  # its worker is gone
        change = step(snapshot, what)
        after = committed(snapshot, change)
        check(snapshot, change, after)
        attempt_over = (attempt_over or change.ended_attempt) and after.attempt == snapshot.attempt
        snapshot = after
