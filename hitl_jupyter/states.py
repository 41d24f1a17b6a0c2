"""The state machine of a session: every status, every allowed move, nothing else.

Theory of operation. A session is born ``queued``. A launched worker makes it ``running``. It is ``waiting`` while at
least one request is open, even if the task computes on. ``cancelling`` lasts from the first cancel until no process of
it lives. Three statuses are final. A failed attempt that may be retried leaves the session ``waiting`` on its retry
request; granted, it is ``queued`` again, as the next attempt; declined, it is ``failed``.

Everything that changes a status must be a row of :data:`MOVES`; whoever needs "is it over?" imports a set from here.
"""

from __future__ import annotations

from typing import get_args

from hitl_jupyter.protocol import Status

MOVES: dict[Status, frozenset[Status]] = {
    "queued": frozenset({"running", "waiting", "cancelling", "failed", "cancelled"}),
    "running": frozenset({"waiting", "cancelling", "completed", "failed", "cancelled"}),
    "waiting": frozenset({"running", "queued", "cancelling", "completed", "failed", "cancelled"}),
    "cancelling": frozenset({"completed", "failed", "cancelled"}),
    "completed": frozenset(),
    "failed": frozenset(),
    "cancelled": frozenset(),
}

STATUSES: frozenset[Status] = frozenset(get_args(Status))
ENDED: frozenset[Status] = frozenset(status for status, moves in MOVES.items() if not moves)
LIVE: frozenset[Status] = STATUSES - ENDED


def may_move(current: Status, new: Status) -> bool:
    """Whether a session may go from one status to another.

    Examples
    --------
    >>> may_move("running", "waiting"), may_move("completed", "running")
    (True, False)
    """
    return new in MOVES[current]
