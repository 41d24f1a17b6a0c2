"""What stands in a cell after the end: the same bytes for all runs alike, bounded, inert."""

from __future__ import annotations

from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from hitl_jupyter.final_output import RESULT_CHARS, SESSION_MIME, TEXT_CHARS, final_output
from hitl_jupyter.protocol import (
    JournalEvent,
    Outcome,
    Progress,
    RequestConfirmation,
    RequestResolved,
    RequestUserInput,
    SessionFacts,
    Status,
    StatusChanged,
    Stream,
    TaskCancelled,
    TaskCompleted,
    TaskFailed,
    Via,
)
from hitl_jupyter.snapshot import SETTLED_KEPT, Snapshot, fold
from hitl_jupyter.wording import describe, headline

BARE = {"a", "b", "div", "p", "pre", "table", "tbody", "td", "th", "thead", "tr"}


@dataclass(frozen=True)
class Run:
    """What differs between two runs that go the same way."""

    session_id: str = "an-id"
    begun: float = 1000.0
    pace: float = 1.0
    by: str | None = None
    via: Via = "browser"
    comment: str | None = None
    lines: int = 1
    address: int = 0x7F00


RUNS = st.builds(
    Run,
    session_id=st.uuids().map(str),
    begun=st.floats(0, 1e9),
    pace=st.floats(0, 1e6),
    by=st.none() | st.text(max_size=5),
    via=st.sampled_from(["browser", "kernel", "token"]),
    comment=st.none() | st.text(max_size=5),
    lines=st.integers(1, 5),
    address=st.integers(1, 2**48),
)


def resolved(run: Run, request_id: str, value: Any, outcome: Outcome = "answered") -> RequestResolved:
    return RequestResolved(
        request_id=f"{run.session_id}-{request_id}",
        outcome=outcome,
        value=value,
        by=run.by,
        via=run.via,
        comment=run.comment,
        at=run.begun,
    )


def asked(run: Run, request_id: str, message: str) -> RequestConfirmation:
    return RequestConfirmation(request_id=f"{run.session_id}-{request_id}", message=message)


def ended(run: Run, *events: JournalEvent, title: str = "Train", status: Status = "completed") -> Snapshot:
    """A session that went through these events, at that run's pace."""
    facts = SessionFacts(task="train", title=title, owner=run.by or "ada")
    course = [StatusChanged(status="queued", session=facts, attempt=1), *events, StatusChanged(status=status)]
    for number, event in enumerate(course, start=1):
        event.session_id, event.seq, event.timestamp = run.session_id, number, run.begun + number * run.pace
    return fold(course)


def a_whole_run(run: Run) -> Snapshot:
    """Two questions at once that are answered in the other order, a failure, a retry, an end."""
    return ended(
        run,
        *(Stream(content="line") for _ in range(run.lines)),
        RequestUserInput(request_id=f"{run.session_id}-form", message="Which?"),
        asked(run, "sure", "Sure?"),
        resolved(run, "sure", value=False, outcome="defaulted"),
        resolved(run, "form", value={"n": 1, "also": f"<Thing at {run.address:#x}>"}),
        Progress(progress_id=run.session_id, label="rows", done=run.lines),
        TaskFailed(
            error=f"<Socket at {run.address:#x}> broke\nfor good",
            error_type="OSError",
            traceback=run.session_id,
            request_id=f"{run.session_id}-again",
            ends_attempt=False,
        ),
        resolved(run, "again", value=True),
        TaskCompleted(values={"z": 1, "model": f"<Model at {run.address:#x}>"}),
    )


def text(snapshot: Snapshot) -> list[str]:
    lines: list[str] = final_output(snapshot)["text/plain"].split("\n")
    return lines


class Seen(HTMLParser):
    """The elements and the text of a piece of HTML; attributes there must be none."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not attrs
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_questions_stand_in_the_order_they_were_asked_and_then_how_it_ended() -> None:
    assert text(a_whole_run(Run())) == [
        "hitl session 'Train': completed",
        "? Which?",
        '= {"also": "<Thing>", "n": 1}',
        "? Sure?",
        "= no (by default)",
        "! <Socket> broke",
        "for good",
        "? Try again?",
        "= yes",
        'completed: {"model": "<Model>", "z": 1}',
    ]


def test_the_bundle_has_our_type_and_two_that_show_anywhere() -> None:
    output = final_output(a_whole_run(Run()))
    assert output.keys() == {SESSION_MIME, "text/plain", "text/html"}
    assert output[SESSION_MIME] == {"version": 1}


@given(RUNS, RUNS)
def test_runs_that_went_the_same_way_give_the_same_bytes(one: Run, other: Run) -> None:
    first, second = a_whole_run(one), a_whole_run(other)
    assert msgspec.json.encode(final_output(first)) == msgspec.json.encode(final_output(second))


@given(RUNS)
def test_a_snapshot_that_came_over_the_wire_gives_the_same_bytes(run: Run) -> None:
    snapshot = a_whole_run(run)
    received = msgspec.json.decode(msgspec.json.encode(snapshot), type=Snapshot)
    assert final_output(received) == final_output(snapshot)


def test_a_failure_is_told_with_its_type_and_without_its_traceback() -> None:
    failed = TaskFailed(error="no such file\nat all", error_type="OSError", traceback="File x, line 3")
    output = final_output(ended(Run(), failed, status="failed"))
    assert output["text/plain"].split("\n") == [
        describe("Train", "failed", error="no such file"), "failed: OSError: no such file", "at all",
    ]  # fmt: skip
    assert output["text/html"] == "<div><p><b>Train</b>: failed</p><pre>OSError: no such file\nat all</pre></div>"


def test_a_cancelled_session_is_told_with_its_reason_and_not_by_whom() -> None:
    run = Run(by="Ada")
    output = final_output(
        ended(
            run,
            asked(run, "q", "Go on?"),
            resolved(run, "q", None, "cancelled"),
            TaskCancelled(reason="user", by="Ada", detail="by hand"),
            status="cancelled",
        )
    )
    assert output["text/plain"] == "hitl session 'Train': cancelled\n? Go on?\n= cancelled\ncancelled: user"
    assert Seen(output["text/html"]).text == "Train: cancelled (user)questionanswerGo on?cancelled"


def test_a_task_that_returns_nothing_shows_no_result() -> None:
    output = final_output(ended(Run(), TaskCompleted()))
    assert output["text/plain"] == "hitl session 'Train': completed\ncompleted: null"
    assert output["text/html"] == "<div><p><b>Train</b>: completed</p></div>"


@given(st.text(max_size=20), st.text(max_size=20))
def test_what_people_and_tasks_wrote_is_text_and_nothing_else(title: str, told: str) -> None:
    hostile = f"{told}<script>alert(1)</script><img src=x onerror='alert(1)'>&amp;\"{told}"
    run = Run()
    endings: list[tuple[JournalEvent, Status]] = [
        (TaskCompleted(values={hostile: hostile}), "completed"),
        (TaskFailed(error=hostile, error_type=hostile), "failed"),
        (TaskCancelled(reason=hostile), "cancelled"),
    ]
    for ending, status in endings:
        question, answer = asked(run, "q", hostile), resolved(run, "q", {"value": hostile})
        html = final_output(ended(run, question, answer, ending, title=title + hostile, status=status))["text/html"]
        seen = Seen(html)
        assert set(seen.tags) <= BARE
        assert seen.text.count("<script>alert(1)</script>") >= 3


def test_a_long_result_question_answer_or_error_is_cut() -> None:
    run = Run()
    long = "x" * 100_000
    course: list[JournalEvent] = [asked(run, "q", long), resolved(run, "q", {"value": long})]
    done = final_output(ended(run, *course, TaskCompleted(values=long)))
    _, question, answer, ending = done["text/plain"].split("\n")
    assert question == f"? {'x' * TEXT_CHARS}…"
    assert len(answer) == len("= …") + TEXT_CHARS
    assert len(ending) == len("completed: …") + RESULT_CHARS
    assert len(done["text/html"]) < 2 * TEXT_CHARS + RESULT_CHARS + 500
    failed = final_output(ended(run, TaskFailed(error=long), status="failed"))
    assert len(failed["text/html"]) < TEXT_CHARS + 100
    assert len(failed["text/plain"]) < 2 * TEXT_CHARS + 100


def test_questions_that_the_snapshot_has_forgotten_are_counted() -> None:
    run = Run()
    course: list[JournalEvent] = []
    for number in range(SETTLED_KEPT + 2):
        course += [asked(run, str(number), f"Number {number}?"), resolved(run, str(number), True)]
    output = final_output(ended(run, *course, TaskCompleted()))
    assert output["text/plain"].split("\n")[1:3] == ["… 2 earlier questions", "? Number 2?"]
    assert "… 2 earlier questions" in Seen(output["text/html"]).text
    one_more = ended(run, *course[2:], TaskCompleted())
    assert text(one_more)[1] == "… 1 earlier question"


def test_a_headline_tells_how_many_answers_a_live_session_waits_for() -> None:
    run = Run()
    assert headline(ended(run, asked(run, "q", "Go?"), status="waiting")).endswith("waiting for 1 answer")
