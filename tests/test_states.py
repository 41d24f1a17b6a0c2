"""The table of moves: complete, closed, and true to what the design says of a session's course."""

from __future__ import annotations

from itertools import product

import pytest

from hitl_jupyter.protocol import Status
from hitl_jupyter.states import ENDED, LIVE, MOVES, STATUSES, may_move

PAIRS = list(product(sorted(STATUSES), repeat=2))

REFUSED_WHILE_LIVE = {
    ("queued", "queued"),
    ("queued", "completed"),
    ("running", "queued"),
    ("running", "running"),
    ("waiting", "waiting"),
    ("cancelling", "queued"),
    ("cancelling", "running"),
    ("cancelling", "waiting"),
    ("cancelling", "cancelling"),
}


def test_live_and_ended_share_the_statuses_between_them() -> None:
    assert LIVE | ENDED == STATUSES
    assert not LIVE & ENDED


def test_the_ended_statuses_are_the_three_ends() -> None:
    assert {"completed", "failed", "cancelled"} == ENDED


def test_every_status_has_a_row_and_leads_to_known_statuses_only() -> None:
    assert set(MOVES) == STATUSES
    assert all(moves <= STATUSES for moves in MOVES.values())


@pytest.mark.parametrize(("current", "new"), PAIRS)
def test_every_pair_is_allowed_or_refused_as_the_design_says(current: Status, new: Status) -> None:
    refused = current in ENDED or (current, new) in REFUSED_WHILE_LIVE
    assert may_move(current, new) is not refused


def test_no_status_moves_to_itself() -> None:
    assert not any(may_move(status, status) for status in STATUSES)


def test_every_status_is_reached_from_queued() -> None:
    reached: set[Status] = {"queued"}
    while new := {after for status in reached for after in MOVES[status]} - reached:
        reached |= new
    assert reached == STATUSES


def test_from_every_live_status_every_session_can_end() -> None:
    assert all(MOVES[status] & ENDED for status in LIVE)


def test_a_cancelling_session_only_ends() -> None:
    assert MOVES["cancelling"] == ENDED
