"""A process without a server holds its sessions itself: the same calls, real workers, no HTTP."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest

import hitl_jupyter as hitl
from hitl_jupyter.errors import HitlError
from hitl_jupyter.notebook.embedded import EmbeddedHost
from hitl_jupyter.notebook.hosts import close_hosts, current_host
from hitl_jupyter.notebook.relay import Relay
from hitl_jupyter.protocol import DraftInput, StartTask, Stream, encode
from tests.notebook.test_session import from_cell
from tests.support.waiting import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

ECHO = from_cell("def task(value): return value")
CONFIRM = from_cell("def task(ctx, text='Go on?'): return ctx.confirm(text, key='go')")
FORM = from_cell("def task(ctx): return ctx.ask(int, 'How many?', key='count')")
FAIL = from_cell("def task(): raise ValueError('no such column')")
WAIT = from_cell("def task(ctx):\n    ctx.stream('begun')\n    ctx.sleep(600)")
LINES = from_cell(
    "def task(ctx, count):\n    for number in range(count): ctx.stream(f'line {number}')\n    return count"
)


@pytest.fixture
def temporary(no_server: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder for temporary files, empty."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("HITL_JUPYTER_UNATTENDED", "0")  # this test is who answers, later or from another thread
    return tmp_path


@pytest.fixture
def host(temporary: Path) -> Iterator[EmbeddedHost]:
    """What ``hitl.start`` uses where no server is found, and there is no notebook."""
    host = current_host()
    assert isinstance(host, EmbeddedHost)
    yield host
    close_hosts()


@pytest.fixture(autouse=True)
def alone(host: EmbeddedHost) -> EmbeddedHost:
    return host


class Viewer:
    """Follows a session, and keeps what it was given."""

    def __init__(self, **query: Any) -> None:
        self._query = query
        self.messages: list[dict[str, Any]] = []
        self.error: HitlError | None = None
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def query(self) -> Mapping[str, Any]:
        return self._query

    def frame(self, data: bytes) -> None:
        self.messages += msgspec.json.decode(data)
        assert self.may_go_on.wait(60)

    def gone(self, error: HitlError) -> None:
        self.error = error

    @property
    def seqs(self) -> list[int]:
        return [message["seq"] for message in self.messages if "seq" in message]

    def has_ended(self) -> bool:
        return any(message["type"] in ("task_completed", "task_failed") for message in self.messages)


def test_a_function_gives_back_the_very_object() -> None:
    session = hitl.start(from_cell("def task(value): return {'set': {value}, 'type': type(value)}"), 3)
    assert session.result(60) == {"set": {3}, "type": int}
    assert session.status == "completed"


def test_a_session_streams_asks_is_answered_and_tells_how_it_went() -> None:
    session = hitl.start(CONFIRM, "Drop 3 rows?")
    assert session.wait("waiting", 60) == "waiting"
    settled = session.answer(True)
    assert (settled.outcome, settled.value, settled.via) == ("answered", True, "kernel")
    assert session.result(60) is True
    assert session.transcript().split("\n")[1:] == ["? Drop 3 rows?", "= yes", "completed: true"]
    assert [event.seq for event in session.events(after=2)] == list(range(3, len(session.events()) + 1))


def test_an_answer_goes_through_the_same_checks_as_on_a_server() -> None:
    session = hitl.start(FORM)
    session.wait("waiting", 60)
    with pytest.raises(hitl.InvalidValues):
        session.answer("many")
    session.answer(5)
    assert session.result(60) == 5
    with pytest.raises(hitl.UnclearTarget):
        session.answer(6)


def test_a_failure_is_raised_and_tried_again() -> None:
    session = hitl.start(FAIL, max_retries=1)
    session.wait("waiting", 60)
    session.retry()
    with pytest.raises(hitl.TaskFailed, match="ValueError: no such column"):
        session.result(60)


def test_a_task_is_cancelled_and_forgotten() -> None:
    session = hitl.start(WAIT)
    eventually(lambda: "begun" in session.transcript(), "the task begins", within=60)
    assert session.cancel() in ("cancelling", "cancelled")
    with pytest.raises(hitl.TaskCancelled):
        session.result(30)
    session.delete()
    with pytest.raises(hitl.NotFound):
        assert session.status


def test_sessions_are_listed_newest_first_in_pages(host: EmbeddedHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hitl_jupyter.notebook.embedded.PAGE", 2)
    started = [hitl.start("hitl_jupyter.demo:simulate_streaming", lines=1, line_seconds=0) for _ in range(5)]
    for session in started:
        session.wait(timeout=60)
    assert hitl.sessions() == started[::-1]
    assert hitl.sessions("completed", limit=3) == started[:1:-1]
    assert hitl.sessions(["failed", "waiting"]) == []
    assert hitl.sessions(task="another") == []
    assert hitl.attach(started[2].id) == started[2]


def test_what_a_server_would_refuse_is_refused() -> None:
    with pytest.raises(hitl.Malformed, match="max_retries"):
        hitl.start(ECHO, 1, max_retries=1000)
    with pytest.raises(hitl.NotFound):
        hitl.attach(str(uuid4()))
    assert hitl.sessions() == []


def test_a_key_is_given_to_one_session() -> None:
    first = hitl.start(CONFIRM, key="k")
    assert hitl.start(CONFIRM, key="k") == first
    with pytest.raises(hitl.KeyConflict):
        hitl.start(CONFIRM, "Another?", key="k")


def test_more_starts_than_a_server_takes_in_a_minute_are_taken(host: EmbeddedHost) -> None:
    assert host.health().limits["max_starts_per_minute"] > 10_000
    assert host.health().status == "ok"


def test_the_output_is_that_of_a_server(host: EmbeddedHost) -> None:
    session = hitl.start(ECHO, 3)
    session.wait(timeout=60)
    assert host.output(session.id)["text/plain"] == "hitl session 'Task': completed\ncompleted: 3"


@pytest.mark.anyio
async def test_a_session_can_be_awaited() -> None:
    assert await hitl.start(ECHO, 3) == 3


# -- following


def followed(host: EmbeddedHost, session: hitl.Session, viewer: Viewer) -> list[int]:
    with host.follow(session.id, viewer) as following:
        eventually(viewer.has_ended, "the viewer sees the end", within=60)
    following.join(20)
    assert not following.alive
    return viewer.seqs


def test_a_viewer_gets_every_event_once_and_in_order(host: EmbeddedHost) -> None:
    session = hitl.start(LINES, 2000)
    session.wait(timeout=60)
    last = len(session.events())
    assert followed(host, session, Viewer()) == list(range(1, last + 1))


def test_a_viewer_takes_up_where_it_was(host: EmbeddedHost) -> None:
    session = hitl.start(LINES, 100)
    session.wait(timeout=60)
    whole = Viewer()
    seqs = followed(host, session, whole)
    epoch = whole.messages[0]["epoch"]
    assert followed(host, session, Viewer(after=60, epoch=epoch)) == seqs[60:]
    assert followed(host, session, Viewer(tail=3)) == seqs[-3:]


def test_a_viewer_with_a_number_from_the_future_is_reset(host: EmbeddedHost) -> None:
    session = hitl.start(ECHO, 1)
    session.wait(timeout=60)
    viewer = Viewer(after=10_000, epoch=1)
    assert followed(host, session, viewer)[0] == 1
    assert viewer.messages[0]["type"] == "reset"


def test_a_slow_viewer_holds_neither_the_task_nor_the_host_up(host: EmbeddedHost) -> None:
    viewer = Viewer()
    viewer.may_go_on.clear()
    session = hitl.start(LINES, 30_000)
    with host.follow(session.id, viewer):
        eventually(lambda: viewer.messages, "the first frame comes", within=60)
        assert session.wait(timeout=60) == "completed"
        assert not viewer.has_ended(), "frames are pulled: the rest is still in the journal"
        viewer.may_go_on.set()
        eventually(viewer.has_ended, "it catches up", within=60)
    assert viewer.seqs == list(range(1, session.events()[-1].seq + 1))  # type: ignore[operator]


def test_a_viewer_can_stop_while_nothing_comes(host: EmbeddedHost) -> None:
    session = hitl.start(CONFIRM)
    session.wait("waiting", 60)
    following = host.follow(session.id, Viewer())
    following.start()
    following.stop()
    following.join(10)
    assert not following.alive


def test_a_viewer_of_nothing_is_told(host: EmbeddedHost) -> None:
    viewer = Viewer()
    with host.follow(str(uuid4()), viewer):
        error = eventually(lambda: viewer.error, "the viewer is told")
    assert error.code == "not_found"


def test_who_watches_a_session_that_is_forgotten_is_told(host: EmbeddedHost) -> None:
    session = hitl.start(ECHO, 1)
    session.wait(timeout=60)
    viewer = Viewer()
    with host.follow(session.id, viewer):
        eventually(viewer.has_ended, "it has all")
        session.delete()
        error = eventually(lambda: viewer.error, "the viewer is told")
    assert error.code == "not_found"


def test_who_waits_when_the_host_ends_is_told(host: EmbeddedHost) -> None:
    session = hitl.start(WAIT)
    session.wait("running", 60)
    caught: list[HitlError] = []

    def wait() -> None:
        try:
            session.result()
        except HitlError as error:
            caught.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    host.close()
    waiting.join(30)
    assert [error.code for error in caught] in (["store_unavailable"], ["task_cancelled"])


# -- the widget's page, over the comm


def test_a_page_without_a_server_watches_answers_and_drafts_over_the_comm(host: EmbeddedHost) -> None:
    session = hitl.start(FORM)
    session.wait("waiting", 60)
    (question,) = session.requests
    sent: list[tuple[dict[str, Any], list[bytes]]] = []
    relay = Relay(host, session.id, lambda message, buffers: sent.append((message, buffers)))

    def frames() -> str:
        return b"".join(data for _, buffers in sent for data in buffers).decode()

    def replies() -> list[dict[str, Any]]:
        return [message for message, _ in sent if message["op"] == "reply"]

    relay.receive({"op": "watch", "after": 0, "tail": None})
    eventually(lambda: "state_replay_complete" in frames(), "the page gets the history")
    draft = DraftInput(request_id=question.request_id, values={"value": 1})
    relay.receive({"op": "command", "id": 1, "command": msgspec.json.decode(encode(draft))})
    eventually(replies, "the draft is kept")
    again = Viewer()
    with host.follow(session.id, again):
        eventually(lambda: any(message["type"] == "draft" for message in again.messages), "who comes later gets it")
    answer = {"type": "user_input", "values": {"value": "x"}, "request_id": question.request_id}
    relay.receive({"op": "command", "id": 2, "command": answer})
    eventually(lambda: len(replies()) == 2, "a refusal")
    answer["values"] = {"value": 7}
    relay.receive({"op": "command", "id": 3, "command": answer})
    eventually(lambda: not session.requests, "the page's answer counts")
    assert session.result(60) == 7
    eventually(lambda: len(replies()) == 3 and "task_completed" in frames(), "the page sees the end")
    assert [(reply["id"], reply["ok"]) for reply in replies()] == [(1, True), (2, False), (3, True)]
    relay.receive({"op": "events", "id": 4, "before": 3, "limit": 10})
    eventually(lambda: len(replies()) == 4, "older events")
    assert [event["seq"] for event in replies()[-1]["body"]] == [1, 2]
    relay.close()


# -- stores


def test_a_private_store_goes_with_its_host_and_so_does_what_runs(host: EmbeddedHost, temporary: Path) -> None:
    assert list(temporary.glob("hitl_jupyter-run-*")) == [host.store]
    session = hitl.start(WAIT, on_shutdown="keep")
    eventually(lambda: "begun" in session.transcript(), "the task begins", within=60)
    host.close()
    assert host.over
    assert list(temporary.iterdir()) == []
    with pytest.raises(hitl.StoreUnavailable, match="Restart the kernel"):
        assert session.status


def test_the_next_call_after_a_close_begins_anew(host: EmbeddedHost) -> None:
    host.close()
    assert hitl.start(ECHO, 3).result(60) == 3
    assert current_host() is not host
    assert current_host() is current_host()


def test_two_hosts_know_nothing_of_each_other(host: EmbeddedHost) -> None:
    other = EmbeddedHost()
    try:
        session_id = other.start(StartTask(task="hitl_jupyter.demo:simulate_streaming", params={"lines": 1}))
        assert [summary.session_id for summary in other.sessions()] == [session_id]
        assert list(host.sessions()) == []
        with pytest.raises(hitl.NotFound):
            host.snapshot(session_id)
    finally:
        other.close()


def test_a_store_is_held_by_one_kernel_at_a_time(tmp_path: Path) -> None:
    first = EmbeddedHost(tmp_path / "store", "the kernel of a.ipynb")
    try:
        with pytest.raises(hitl.StoreHeld, match=r"held by the kernel of a\.ipynb.*Shut that kernel down") as caught:
            EmbeddedHost(tmp_path / "store")
        assert caught.value.code == "store_held"
    finally:
        first.close()
    EmbeddedHost(tmp_path / "store").close()
    assert (tmp_path / "store" / "journal.sqlite").exists()


def test_a_large_history_is_read_in_pages(host: EmbeddedHost) -> None:
    session = hitl.start(LINES, 12_000)
    session.wait(timeout=60)
    lines = [event.content for event in session.events() if isinstance(event, Stream)]
    assert lines == [f"line {number}" for number in range(12_000)]
