"""``kill -9`` of the server, and what is there afterwards: every session, a truthful status, the same history."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hitl_jupyter.states import ENDED
from tests.support.jupyter_process import JupyterProcess, jupyter
from tests.support.waiting import eventually

EMAIL = "hitl_jupyter.demo:long_running_task"
STREAMING = "hitl_jupyter.demo:simulate_streaming"

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]


@pytest.fixture
def killable(tmp_path: Path) -> Iterator[JupyterProcess]:
    with jupyter(tmp_path) as server:
        yield server


def start(server: JupyterProcess, task: str, **params: Any) -> str:
    reply = server.request("POST", "hitl/start-task", {"task": task, "params": params})
    assert reply.status == 201, reply.body
    session_id: str = reply.json()["session_id"]
    return session_id


def status(server: JupyterProcess, session_id: str) -> str:
    found: str = server.request("GET", f"hitl/session-info/{session_id}").json()["status"]
    return found


def events(server: JupyterProcess, session_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.request("GET", f"hitl/sessions/{session_id}/events?limit=10000").json()
    return found


def reaches(server: JupyterProcess, session_id: str, *wanted: str) -> None:
    eventually(lambda: status(server, session_id) in wanted, f"the session is {' or '.join(wanted)}", within=30)


def kill_and_start_again(server: JupyterProcess) -> None:
    server.kill()
    server.start()


def test_every_session_is_listed_with_a_truthful_status_and_replays(killable: JupyterProcess) -> None:
    done = start(killable, STREAMING, lines=3, line_seconds=0.0)
    waiting = start(killable, EMAIL)
    streaming = start(killable, STREAMING, lines=100_000, line_seconds=0.01)
    reaches(killable, done, "completed")
    reaches(killable, waiting, "waiting")
    eventually(lambda: len(events(killable, streaming)) > 20, "it streams")
    before = {session_id: events(killable, session_id) for session_id in (done, waiting, streaming)}

    kill_and_start_again(killable)

    listed = {row["session_id"]: row["status"] for row in killable.request("GET", "hitl/sessions").json()["sessions"]}
    assert listed.keys() == before.keys()
    assert listed[done] == "completed"
    for session_id, seen in before.items():
        after = events(killable, session_id)
        assert after[: len(seen)] == seen, "what a viewer saw is what is there"
        assert [event["seq"] for event in after] == list(range(1, len(after) + 1))


def test_a_question_asked_before_the_kill_is_answered_after_it(killable: JupyterProcess) -> None:
    session_id = start(killable, EMAIL, steps=1, step_seconds=0.0)
    reaches(killable, session_id, "waiting")
    kill_and_start_again(killable)
    (question,) = killable.request("GET", f"hitl/session-info/{session_id}").json()["open_requests"]
    values = {"subject": "a", "body": "b", "to_address": "c"}
    command = {"type": "user_input", "request_id": question["request_id"], "values": values}
    answer = partial(killable.request, "POST", f"hitl/answer/{session_id}", command)
    eventually(lambda: answer().status == 200, "its worker has come back and takes the answer")
    eventually(lambda: "task_failed" in _types(killable, session_id), "the task goes on to its simulated failure")


def test_a_cancelled_session_leaves_no_process_after_a_kill_and_a_start(killable: JupyterProcess) -> None:
    session_id = start(killable, STREAMING, lines=100_000, line_seconds=0.01)
    reaches(killable, session_id, "running")
    kill_and_start_again(killable)
    killable.request("POST", f"hitl/cancel-task/{session_id}")
    reaches(killable, session_id, *ENDED)


def _types(server: JupyterProcess, session_id: str) -> set[str]:
    return {event["type"] for event in events(server, session_id)}
