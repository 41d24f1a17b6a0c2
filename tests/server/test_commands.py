"""Idempotency keys and late answers on the wire: each way in, REST and socket, gives the same outcomes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.conftest import REPOSITORY, Api, Watch
from tests.server.test_owners import ADA, BOB, Named


@pytest.fixture
def settings() -> dict[str, Any]:
    return {"ServerApp": {"identity_provider_class": Named}}


def start_body(task: str = "sure", **other: Any) -> dict[str, Any]:
    env = {"cwd": str(REPOSITORY)}
    return {"task": f"tests.server.tasks:{task}", "env": env, "idempotency_key": "once", **other}


async def question_of(api: Api, watch: Watch, session_id: str) -> str:
    async with watch(f"hitl/ws/{session_id}", headers=ADA) as watcher:
        return str((await watcher.until("request_confirmation"))["request_id"])


async def test_a_start_sent_again_has_the_same_reply_and_one_of_something_else_is_refused(api: Api) -> None:
    first = await api("POST", "hitl/start-task", start_body(), headers=ADA)
    again = await api("POST", "hitl/start-task", start_body(), headers=ADA)
    assert (first.status, first.body) == (again.status, again.body)
    assert again.status == 201
    other = await api("POST", "hitl/start-task", start_body("count"), headers=ADA)
    assert (other.status, other.json["code"], other.json["key"]) == (422, "key_reused", "once")


async def test_an_answer_sent_again_by_another_way_has_no_second_effect(api: Api, watch: Watch) -> None:
    session_id = await api.start("sure", headers=ADA)
    question = await question_of(api, watch, session_id)
    once = {"type": "confirm", "value": True, "request_id": question, "idempotency_key": "once"}
    async with watch(f"hitl/ws/{session_id}", headers=ADA) as watcher:
        await watcher.send(once)
        resolved = await watcher.until("request_resolved")
        reply = await api("POST", f"hitl/answer/{session_id}", once, headers=ADA)
        assert (reply.status, reply.json["at"], reply.json["by"]) == (200, resolved["at"], "Ada")
        other = await watcher.error({**once, "value": False})
        assert (other["code"], other["idempotency_key"]) == ("key_reused", "once")
        await watcher.send(once)  # an outcome needs no message: it is told to all as request_resolved
        await watcher.until("task_completed")
    events = (await api("GET", f"hitl/sessions/{session_id}/events", headers=ADA)).json
    assert [event["type"] for event in events].count("request_resolved") == 1


async def test_a_cancel_sent_again_by_another_way_changes_nothing_and_its_key_is_taken(api: Api, watch: Watch) -> None:
    session_id = await api.start("sure", headers=ADA)
    question = await question_of(api, watch, session_id)
    async with watch(f"hitl/ws/{session_id}", headers=ADA) as watcher:
        await watcher.send({"type": "cancel", "idempotency_key": "once"})
        await watcher.until("status", status="cancelled")
        again = await api("POST", f"hitl/cancel-task/{session_id}", {"idempotency_key": "once"}, headers=ADA)
        assert (again.status, again.json) == (202, {"status": "cancelling"})
        confirm = {"type": "confirm", "value": True, "request_id": question}
        taken = await watcher.error({**confirm, "idempotency_key": "once"})
        assert taken["code"] == "key_reused"
        late = await watcher.error(confirm)
        assert (late["code"], late["details"]["outcome"], late["details"]["by"]) == (
            "already_settled",
            "cancelled",
            "Ada",
        )


async def test_an_assignee_who_is_late_is_told_and_a_stranger_hears_the_bytes_of_an_absent_session(
    api: Api, watch: Watch
) -> None:
    session_id = await api.start("ask_bob", headers=ADA)
    question = await question_of(api, watch, session_id)
    confirm = {"type": "confirm", "value": True, "request_id": question}
    by_bob = {**confirm, "idempotency_key": "k"}
    path = f"hitl/answer/{session_id}"
    first = await api("POST", path, by_bob, headers=BOB)
    again = await api("POST", path, by_bob, headers=BOB)
    assert (first.status, again.status, again.body) == (200, 200, first.body)
    late = await api("POST", path, {**confirm, "value": False}, headers=BOB)
    assert (late.status, late.json["code"], late.json["by"], late.json["value"]) == (
        409,
        "already_settled",
        "Bob",
        True,
    )
    absent = "00000000-0000-4000-8000-000000000000"
    strangers = {"Authorization": "user eve"}
    stranger = await api("POST", path, by_bob, headers=strangers)
    nobody = await api("POST", f"hitl/answer/{absent}", by_bob, headers=strangers)
    assert (stranger.status, stranger.body) == (nobody.status, nobody.body)
    assert stranger.status == 404
