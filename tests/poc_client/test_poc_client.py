"""The proof of concept's client, unchanged, against a real server process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.poc_client.client import PocClient
from tests.support.jupyter_process import jupyter
from tests.support.waiting import eventually

EMAIL = {"subject": "Hello", "body": "A first line.\nA second.", "to_address": "ada@example.org"}
ONLY_THE_EMAIL = "--HitlExtension.default_tasks=hitl_jupyter.demo:long_running_task"

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PocClient]:
    with jupyter(tmp_path_factory.mktemp("poc"), arguments=(ONLY_THE_EMAIL,)) as server:
        yield PocClient(server.hitl, server.token)


def test_the_whole_demo_from_form_to_result(client: PocClient) -> None:
    with client.connect(client.start_task()) as tab:
        form = tab.wait_for("request_user_input")
        assert [field["name"] for field in form["fields"]] == list(EMAIL)
        assert all({"name", "description", "type", "value"} <= field.keys() for field in form["fields"])
        tab.fill_in(**EMAIL)
        failure = tab.wait_for("task_failed")
        assert failure["can_retry"]
        assert failure["error"].startswith("Simulated failure")
        tab.retry(True)
        question = tab.wait_for("request_confirmation")
        assert question["message"] == "Send the e-mail to ada@example.org?"
        tab.confirm(True)
        assert tab.wait_for("task_completed")["values"] == EMAIL
        steps = [text for text in tab.texts() if text.startswith("Processing")]
        assert steps == [f"Processing email step {step}/5..." for step in range(1, 6)]


def test_declining_streams_the_sentence_and_ends_as_not_confirmed(client: PocClient) -> None:
    with client.connect(client.start_task()) as tab:
        tab.wait_for("request_user_input")
        tab.fill_in(**EMAIL)
        tab.wait_for("task_failed")
        tab.retry(True)
        tab.wait_for("request_confirmation")
        tab.confirm(False)
        assert tab.wait_for("task_cancelled")["reason"] == "not_confirmed"
        assert "Task cancelled by user." in tab.texts()


def test_reconnecting_replays_the_history_between_its_two_marks(client: PocClient) -> None:
    session_id = client.start_task()
    with client.connect(session_id) as tab:
        tab.wait_for("request_user_input")
        tab.fill_in(**EMAIL)
        tab.wait_for("stream")
    with client.connect(session_id) as again:
        start = again.wait_for("state_replay_start")
        assert again.seen == [start], "the mark comes first"
        end = again.wait_for("state_replay_complete")
        history = again.seen[1:-1]
        assert len(history) == start["count"]
        assert [message["seq"] for message in history] == list(range(1, end["last_seq"] + 1))
        assert {"request_user_input", "stream", "status"} <= {message["type"] for message in history}
        again.wait_for("task_failed")
    client.cancel_task(session_id)


def test_a_second_tab_sees_the_same_and_may_answer(client: PocClient) -> None:
    session_id = client.start_task()
    with client.connect(session_id) as first, client.connect(session_id) as second:
        question = first.wait_for("request_user_input")
        assert second.wait_for("request_user_input") == question
        second.fill_in(**EMAIL)
        for tab in (first, second):
            assert tab.wait_for("request_resolved")["request_id"] == question["request_id"]
        assert first.wait_for("task_failed") == second.wait_for("task_failed")
        second.retry(False)
        assert first.wait_for("status", lambda message: message["status"] == "failed")


def test_cancelling_by_rest(client: PocClient) -> None:
    session_id = client.start_task()
    with client.connect(session_id) as tab:
        tab.wait_for("request_user_input")
        assert client.cancel_task(session_id)["status"] in ("cancelling", "cancelled")
        assert tab.wait_for("task_cancelled")["reason"] == "user"


def test_cancelling_by_the_socket_in_the_middle_of_the_steps(client: PocClient) -> None:
    with client.connect(client.start_task()) as tab:
        tab.wait_for("request_user_input")
        tab.fill_in(**EMAIL)
        tab.wait_for("stream")
        tab.cancel()
        assert tab.wait_for("task_cancelled")["reason"] == "user"


def test_session_info_has_its_four_keys(client: PocClient) -> None:
    session_id = client.start_task()
    with client.connect(session_id) as tab:
        tab.wait_for("request_user_input")
        info = client.session_info(session_id)
        assert info["session_id"] == session_id
        assert info["is_connected"] is True
        assert info["task_exists"] is True
        assert info["saved_state_messages"] >= 1
    eventually(lambda: client.session_info(session_id)["is_connected"] is False, "the server sees that the tab left")
    client.cancel_task(session_id)
    eventually(lambda: client.session_info(session_id)["task_exists"] is False, "the task is gone")


def test_without_its_task_named_a_start_runs_one_of_the_two_demos(tmp_path_factory: pytest.TempPathFactory) -> None:
    with jupyter(tmp_path_factory.mktemp("random")) as server:
        client = PocClient(server.hitl, server.token)
        session_id = client.start_task()
        assert client.session_info(session_id)["task"].startswith("hitl_jupyter.demo:")
        client.cancel_task(session_id)
