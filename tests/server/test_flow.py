from __future__ import annotations

import pickle
from typing import Any

import msgspec
import pytest

from hitl_jupyter.final_output import final_output
from hitl_jupyter.snapshot import Snapshot
from tests.server.conftest import REPOSITORY, Api, Session, Watch
from tests.support.waiting import eventually_async

TEA = {"item": "tea", "count": 2}


@pytest.fixture
def settings() -> dict[str, Any]:
    return {"HitlExtension": {"task_modules": ["tests.server.tasks", "tests.no_such_module"]}}


async def test_a_task_goes_from_its_start_over_a_form_and_a_question_to_its_result(api: Api) -> None:
    session = Session(api, await api.start("order"))
    form = await session.question()
    wrong = await session.answer(type="user_input", values={"item": "", "count": 11, "colour": "blue"}, request_id=form)
    assert (wrong.status, wrong.json["code"]) == (422, "invalid_values")
    assert {error["field"] for error in wrong.json["errors"]} == {"item", "count", "colour"}
    assert await session.question() == form, "the request stays open"
    settled = await session.answer(type="user_input", values=TEA, request_id=form)
    assert (settled.status, settled.json["outcome"], settled.json["via"]) == (200, "answered", "token")
    info = (await api("GET", f"hitl/session-info/{session.id}")).json
    assert info.keys() >= {"session_id", "is_connected", "saved_state_messages", "task_exists"}
    assert (info["session_id"], info["is_connected"], info["task_exists"]) == (session.id, False, True)
    await session.answer(type="confirm", value=True, request_id=await session.question())
    done = await session.becomes("completed")
    assert done["values"] == {**TEA, "colour": "red"}
    result = await api("GET", f"hitl/sessions/{session.id}/result")
    assert result.headers["Content-Type"] == "application/octet-stream"
    assert pickle.loads(result.body) == done["values"]


async def test_what_stands_in_the_cell_is_the_same_for_two_runs_that_went_the_same_way(api: Api) -> None:
    outputs = []
    for _ in range(2):
        session = Session(api, await api.start("sure", title="Be <sure>"))
        await session.answer(type="confirm", value=True, request_id=await session.question(), comment="at once")
        snapshot = await session.becomes("completed")
        output = await api("GET", f"hitl/sessions/{session.id}/output")
        assert output.status == 200
        assert output.json == final_output(msgspec.convert(snapshot, Snapshot))
        outputs.append(output.body)
    assert outputs[0] == outputs[1]


async def test_a_second_answer_learns_who_was_first_and_the_same_key_gets_the_first_reply(api: Api) -> None:
    session = Session(api, await api.start("sure"))
    question = await session.question()
    yes = {"type": "confirm", "value": True, "request_id": question, "idempotency_key": "k"}
    first, again = await session.answer(**yes), await session.answer(**yes)
    assert first.status == again.status == 200
    assert again.json["at"] == first.json["at"]
    late = await session.answer(type="confirm", value=False, request_id=question)
    assert (late.status, late.json["code"], late.json["value"]) == (409, "already_settled", True)
    assert late.json["at"] == first.json["at"]
    assert (await session.becomes("completed"))["values"] is True


async def test_an_answer_that_fits_no_open_request_is_refused(api: Api) -> None:
    session = Session(api, await api.start("sure"))
    question = await session.question()
    refused: list[tuple[dict[str, Any], int, str]] = [
        ({"type": "confirm", "value": True}, 409, "unclear_target"),
        ({"type": "confirm", "value": True, "request_id": "none"}, 404, "not_found"),
        ({"type": "user_input", "values": {}, "request_id": question}, 400, "malformed"),
        ({"type": "retry", "value": True, "request_id": question}, 400, "malformed"),
    ]
    for command, status, code in refused:
        reply = await session.answer(**command)
        assert (reply.status, reply.json["code"]) == (status, code), command


async def test_an_answer_after_the_deadline_is_gone(api: Api) -> None:
    session = Session(api, await api.start("hurry"))
    quick = await session.question()

    async def settled() -> bool:
        return bool((await session.snapshot())["settled"])

    await eventually_async(settled, "the deadline passes")
    reply = await session.answer(type="confirm", value=True, request_id=quick)
    assert (reply.status, reply.json["code"]) == (410, "expired")


async def test_a_failing_part_is_tried_again_when_somebody_says_so(api: Api) -> None:
    session = Session(api, await api.start("flaky"))
    question = await session.question()
    assert (await session.snapshot())["open_requests"][0]["type"] == "task_failed"
    assert (await session.answer(type="retry", value=True, request_id=question)).status == 200
    assert (await session.becomes("completed"))["values"] == "second try"


async def test_cancelling_is_idempotent_and_ends_the_session(api: Api) -> None:
    session = Session(api, await api.start("sure"))
    await session.question()
    for _ in range(2):
        reply = await api("POST", f"hitl/cancel-task/{session.id}", b"")
        assert reply.status == 202
        assert reply.json["status"] in ("cancelling", "cancelled")
    assert (await session.becomes("cancelled"))["cancelled"]["reason"] == "user"


async def test_what_a_session_is_not_ready_for_is_a_conflict(api: Api) -> None:
    session = Session(api, await api.start("sure"))
    await session.question()
    for verb, path in [
        ("DELETE", f"hitl/sessions/{session.id}"),
        ("GET", f"hitl/sessions/{session.id}/result"),
        ("GET", f"hitl/sessions/{session.id}/output"),
    ]:
        reply = await api(verb, path)
        assert (reply.status, reply.json["code"], reply.json["status"]) == (409, "wrong_state", "waiting")


async def test_one_key_starts_once_and_refuses_other_parameters(api: Api) -> None:
    body = {"task": "tests.server.tasks:sure", "key": "k", "env": {"cwd": str(REPOSITORY)}}
    first = await api("POST", "hitl/start-task", body)
    again = await api("POST", "hitl/start-task", body)
    assert (first.status, again.status) == (201, 200)
    assert first.json["session_id"] == again.json["session_id"]
    assert first.headers["Location"].endswith(f"hitl/sessions/{first.json['session_id']}")
    other = await api("POST", "hitl/start-task", {**body, "params": {"a": 1}})
    assert (other.status, other.json["code"]) == (409, "key_conflict")
    assert other.json["session_id"] == first.json["session_id"]


async def test_a_secret_answer_is_in_no_reply_and_no_event(api: Api, watch: Watch) -> None:
    session = Session(api, await api.start("log_in"))
    values = {"user": "ada", "password": "hunter2"}
    reply = await session.answer(type="user_input", values=values, request_id=await session.question())
    assert (await session.becomes("completed"))["values"] == len("hunter2"), "the task got the real one"
    events = await api("GET", f"hitl/sessions/{session.id}/events")
    for body in (reply.body, events.body, (await api("GET", f"hitl/sessions/{session.id}")).body):
        assert b"hunter2" not in body
        assert b"ada" in body


async def test_sessions_are_listed_page_by_page_newest_first(api: Api) -> None:
    ids = [await api.start("count", params={"lines": n}) for n in range(5)]
    for session_id in ids:
        await Session(api, session_id).becomes("completed")
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        page = (await api("GET", "hitl/sessions", query=query)).json
        seen += [summary["session_id"] for summary in page["sessions"]]
        if page["cursor"] is None:
            break
        query["cursor"] = page["cursor"]
    assert seen == ids[::-1]
    for query, count in [
        ({"status": "completed"}, 5),
        ({"status": "running,waiting"}, 0),
        ({"task": "tests.server.tasks:count"}, 5),
        ({"task": "other"}, 0),
    ]:
        assert len((await api("GET", "hitl/sessions", query=query)).json["sessions"]) == count, query


async def test_events_are_read_forwards_and_backwards(api: Api) -> None:
    session = Session(api, await api.start("count", params={"lines": 30}))
    last = (await session.becomes("completed"))["last_seq"]

    async def numbers(**query: int) -> list[int]:
        reply = await api("GET", f"hitl/sessions/{session.id}/events", query=query)
        return [event["seq"] for event in reply.json]

    assert await numbers() == list(range(1, last + 1))
    assert await numbers(after=3, limit=4) == [4, 5, 6, 7]
    assert await numbers(after=3, before=6) == [4, 5]
    assert await numbers(before=10, limit=3) == [7, 8, 9]
    assert await numbers(after=last) == []


async def test_the_tasks_of_the_configured_modules_are_listed_with_their_parameters(api: Api) -> None:
    listing = (await api("GET", "hitl/tasks")).json
    tasks = {task["name"]: task for task in listing["tasks"]}
    train = tasks["tests.server.tasks:train"]
    assert (train["title"], train["doc"].partition("\n")[0]) == ("Train a model", "Learn, for a while.")
    assert train["ui_schema"]["ui:order"] == ["rounds", "method", "label"]
    assert train["schema"]["required"] == ["label"]
    properties = train["schema"]["properties"]
    assert properties["rounds"] == {
        "title": "Rounds", "type": "integer", "minimum": 1, "default": 10, "description": "How often.",
    }  # fmt: skip
    assert properties["method"] == {
        "title": "Method", "type": "string", "enum": ["fast", "exact"], "default": "fast", "description": "How.",
    }  # fmt: skip
    (problem,) = listing["problems"]
    assert problem["module"] == "tests.no_such_module"
    assert "ModuleNotFoundError" in problem["message"]


async def test_a_start_by_name_with_wrong_parameters_is_refused_with_an_error_per_field(api: Api) -> None:
    params = {"rounds": 0, "method": "slow", "lable": "x"}
    wrong = await api("POST", "hitl/start-task", {"task": "tests.server.tasks:train", "params": params})
    assert (wrong.status, wrong.json["code"]) == (422, "invalid_values")
    told = {error["field"]: error["message"] for error in wrong.json["errors"]}
    assert told["rounds"] == "This must be at least 1."
    assert told["label"] == "This field is required."
    assert told.keys() == {"rounds", "method", "label", ""}, "the last is of the field that it does not have"
    assert (await api("GET", "hitl/sessions")).json["sessions"] == []
    unknown = await api("POST", "hitl/start-task", {"task": "no such task"})
    assert (unknown.status, unknown.json["code"]) == (404, "not_found")


async def test_a_start_without_a_task_starts_one_of_the_default_tasks(api: Api) -> None:
    started = await api("POST", "hitl/start-task", b"")
    assert started.status == 201
    task = (await Session(api, started.json["session_id"]).snapshot())["session"]["task"]
    assert task in ("hitl_jupyter.demo:long_running_task", "hitl_jupyter.demo:simulate_streaming")
