"""A session as text: what was said, asked and answered, and nothing that differs between equal runs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hitl_jupyter.notebook.transcript import transcript
from hitl_jupyter.protocol import (
    Display,
    Dropped,
    JournalEvent,
    Progress,
    RequestConfirmation,
    RequestResolved,
    RequestUserInput,
    SessionFacts,
    StatusChanged,
    Stream,
    TaskCancelled,
    TaskFailed,
)

FACTS = SessionFacts(task="send", title="Send e-mail", owner="ada")


def test_a_whole_session_reads_from_top_to_bottom() -> None:
    events: list[JournalEvent] = [
        StatusChanged(status="queued", session=FACTS, attempt=1),
        StatusChanged(status="running"),
        RequestUserInput(request_id="a", message="Compose"),
        StatusChanged(status="waiting"),
        RequestResolved(request_id="a", outcome="answered", value={"to": "ada", "body": "hi"}),
        StatusChanged(status="running"),
        Stream(content="step 1"),
        Progress(progress_id="p", label="sending", done=1, total=2),
        TaskFailed(
            error="no network", error_type="ConnectionError", can_retry=True, request_id="b", ends_attempt=False
        ),
        RequestResolved(request_id="b", outcome="answered", value=True),
        RequestConfirmation(request_id="c", message="Send?"),
        RequestResolved(request_id="c", outcome="defaulted", value=False),
        TaskCancelled(reason="not_confirmed"),
        StatusChanged(status="cancelled"),
    ]
    assert transcript(events).split("\n") == [
        "hitl session 'Send e-mail'",
        "? Compose",
        '= {"body": "hi", "to": "ada"}',
        "step 1",
        "! ConnectionError: no network",
        "? Try again?",
        "= yes",
        "? Send?",
        "= no (by default)",
        "cancelled: not_confirmed",
    ]


def test_an_answer_that_comes_later_names_its_question() -> None:
    events: list[JournalEvent] = [
        RequestConfirmation(request_id="a", message="First?"),
        RequestConfirmation(request_id="b", message="Second?"),
        RequestResolved(request_id="a", outcome="answered", value=True),
        RequestResolved(request_id="b", outcome="cancelled"),
    ]
    assert transcript(events) == "? First?\n? Second?\n= (First?) yes\n= (Second?) cancelled"


def test_a_new_attempt_and_a_failure_without_retry_are_told() -> None:
    events: list[JournalEvent] = [
        StatusChanged(status="queued", attempt=2),
        TaskFailed(error="boom", error_type="ValueError"),
        StatusChanged(status="failed"),
    ]
    assert transcript(events) == "attempt 2\n! ValueError: boom\nfailed"


def test_log_lines_carry_their_level_and_a_flood_its_count() -> None:
    events: list[JournalEvent] = [
        Stream(content="careful", source="log", level="warning"),
        Dropped(events=5, bytes=50),
    ]
    assert transcript(events) == "WARNING: careful\n... 5 more were dropped"


def test_a_display_is_its_text_without_addresses() -> None:
    events: list[JournalEvent] = [
        Display(data={"text/plain": "<Figure at 0x7f00>", "image/png": "…"}),
        Display(data={"image/png": "…"}),
        Display(data={"text/plain": "plain", "text/markdown": "# rich"}),
    ]
    assert transcript(events) == "<Figure>\n[image/png]\n# rich"


def test_an_empty_line_is_a_line_and_a_text_of_several_is_several() -> None:
    assert transcript([Stream(content="a\nb"), Stream(content="", source="stdout"), Stream(content="c")]) == "a\nb\n\nc"


LINES = st.lists(
    st.builds(Stream, content=st.text(max_size=5), timestamp=st.floats(0, 1e9), session_id=st.uuids().map(str))
)


@given(LINES)
def test_ids_and_times_leave_no_trace(events: list[JournalEvent]) -> None:
    bare = [Stream(content=event.content) for event in events if isinstance(event, Stream)]
    assert transcript(events) == transcript(bare)


def test_what_retention_took_is_said_where_it_stood() -> None:
    events: list[JournalEvent] = [Stream(content="a", seq=1), Stream(content="b", seq=5), Stream(content="c", seq=6)]
    assert transcript(events) == "a\n... 3 events are no longer kept\nb\nc"
