"""A launch that was replaced writes no more: each one has a number, and the highest one of a session counts."""

from __future__ import annotations

import apsw

from hitl_jupyter.errors import WrongState


def check_fence(connection: apsw.Connection, session: int, fence: int) -> None:
    """Raise ``WrongState`` where the session has had a launch with a higher number than ``fence``."""
    newest = connection.execute("SELECT max(fence) FROM launches WHERE session = ?", (session,)).get
    if newest is not None and fence < newest:
        raise WrongState(
            f"Launch {fence} of this session was replaced by launch {newest}; nothing of it is taken any more. "
            "Look at the session to see what its newest launch does.",
            newest=newest,
        )
