"""Who does something to a session, as the edges established it."""

from __future__ import annotations

from msgspec import Struct

from hitl_jupyter.protocol import Via


class Actor(Struct, frozen=True, kw_only=True):
    """``owner`` decides what may be seen and done; ``by`` is attribution only, never authorization."""

    owner: str
    by: str | None = None
    via: Via = "token"


HOST = Actor(owner="", by=None, via="host")
"""The session manager itself: deadlines, shutdown."""
