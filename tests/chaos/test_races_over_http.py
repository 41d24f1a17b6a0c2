"""The same races through a real server: people at several tabs, each on a connection of their own."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.chaos.crowd import TASK, Crowd
from tests.chaos.figures import Figures
from tests.chaos.monkey import quiesce
from tests.chaos.world import REPOSITORY, World
from tests.support.waiting import eventually

pytestmark = pytest.mark.processes

TABS = 4


def run(world: World, rng: random.Random, figures: Figures, rounds: int) -> None:
    """One session that asks again and again; each time all tabs answer at once, and at last they end it as well."""
    crowd = Crowd(world, rng, people=0, live=0)
    with ThreadPoolExecutor(TABS) as tabs:
        session_id = _start_at_once(world, crowd, tabs, rounds)
        raced: set[str] = set()
        for _ in range(rounds):
            request = eventually(lambda: _next_question(crowd, session_id, raced), "the next question is open")
            raced.add(request["request_id"])
            _answer_at_once(crowd, tabs, session_id, request, rng)
            figures.add("rounds of races over HTTP")
        request = eventually(lambda: _next_question(crowd, session_id, raced), "the last question is open")
        cancelling = tabs.submit(crowd.send, "canceller", "cancel", session_id, {"force": False})
        _answer_at_once(crowd, tabs, session_id, request, rng, winners=(0, 1))
        cancelling.result()
    quiesce(world, crowd, rng)
    found = figures.judge(world.evidence())
    assert not found, "\n".join(found)


def _start_at_once(world: World, crowd: Crowd, tabs: ThreadPoolExecutor, rounds: int) -> str:
    key = world.history.next_key()
    plan = [["confirm", "again"] for _ in range(rounds + 1)]
    start = {
        "task": TASK,
        "title": key,
        "idempotency_key": key,
        "params": {"ledger": str(world.ledger(key)), "plan": plan},
        "env": {"cwd": str(REPOSITORY)},
    }
    replies = list(tabs.map(lambda tab: crowd.send(f"tab {tab}", "start", None, start), range(TABS)))
    (session_id,) = {reply["session_id"] for reply in replies if reply is not None}
    assert isinstance(session_id, str)
    return session_id


def _next_question(crowd: Crowd, session_id: str, raced: set[str]) -> dict[str, Any] | None:
    snapshot = crowd.read("tab", session_id)
    requests = [] if snapshot is None else snapshot["open_requests"]
    return next((request for request in requests if request["request_id"] not in raced), None)


def _answer_at_once(
    crowd: Crowd,
    tabs: ThreadPoolExecutor,
    session_id: str,
    request: dict[str, Any],
    rng: random.Random,
    winners: tuple[int, ...] = (1,),
) -> None:
    commands = [crowd.command(request, rng) for _ in range(TABS)]
    replies = list(tabs.map(lambda at: crowd.send(f"tab {at}", "answer", session_id, commands[at]), range(TABS)))
    codes = [reply.get("code") for reply in replies if reply is not None]
    assert codes.count(None) in winners
    assert set(codes) <= {None, "already_settled"}


@pytest.mark.chaos
@pytest.mark.timeout(3600)
def test_a_thousand_rounds_over_http(world: World, rng: random.Random, figures: Figures) -> None:
    run(world, rng, figures, rounds=1000)
