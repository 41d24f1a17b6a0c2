from __future__ import annotations

from typing import Any

import pytest

from tests.server.conftest import REPOSITORY, Api, Session

COUNT = {"task": "tests.server.tasks:count", "env": {"cwd": str(REPOSITORY)}}


@pytest.fixture
def settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    return {"HitlExtension": request.param}


@pytest.mark.parametrize("settings", [{"max_starts_per_minute": 2}], indirect=True)
async def test_starts_over_the_rate_are_refused(api: Api) -> None:
    statuses = [(await api("POST", "hitl/start-task", COUNT)).status for _ in range(4)]
    assert statuses == [201, 201, 429, 429]
    refused = (await api("POST", "hitl/start-task", COUNT)).json
    assert (refused["code"], refused["limit"]) == ("limit_reached", "max_starts_per_minute")


@pytest.mark.parametrize("settings", [{"max_live_sessions": 1}], indirect=True)
async def test_live_sessions_over_the_limit_are_refused_until_one_ends(api: Api) -> None:
    session = Session(api, await api.start("sure"))
    refused = await api("POST", "hitl/start-task", COUNT)
    assert (refused.status, refused.json["limit"]) == (429, "max_live_sessions")
    await session.answer(type="confirm", value=True, request_id=await session.question())
    await session.becomes("completed")
    assert (await api("POST", "hitl/start-task", COUNT)).status == 201


@pytest.mark.parametrize("settings", [{"max_answer_bytes": 1_000}], indirect=True)
async def test_an_answer_over_the_limit_is_refused_and_the_question_stays(api: Api) -> None:
    session = Session(api, await api.start("order"))
    form = await session.question()
    values = {"item": "x" * 2_000, "count": 1}
    refused = await session.answer(type="user_input", values=values, request_id=form)
    assert (refused.status, refused.json["limit"]) == (413, "max_answer_bytes")
    assert await session.question() == form
