"""Numbers of events, where they have one."""

from __future__ import annotations

from msgspec import UnsetType

from hitl_jupyter.protocol import ServerMessage


def seq_of(message: ServerMessage) -> int:
    """The event's number; 0 for what has none.

    Examples
    --------
    >>> from hitl_jupyter.protocol import Stream
    >>> seq_of(Stream(content="a", seq=3)), seq_of(Stream(content="b"))
    (3, 0)
    """
    seq = getattr(message, "seq", 0)
    return 0 if isinstance(seq, UnsetType) else seq
