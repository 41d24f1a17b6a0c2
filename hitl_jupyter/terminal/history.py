"""A session's events, a page at a time: a long one is not held in memory."""

from __future__ import annotations

from collections.abc import Iterator

from hitl_jupyter.notebook.host import Host
from hitl_jupyter.protocol import JournalEvent
from hitl_jupyter.snapshot import Snapshot
from hitl_jupyter.terminal.seqs import seq_of

PAGE = 5000


def history(host: Host, snapshot: Snapshot, tail: int | None = None) -> Iterator[JournalEvent]:
    """The events up to the snapshot's last, in order; or the last ``tail`` of them."""
    after = 0 if tail is None else max(0, snapshot.last_seq - tail)
    while after < snapshot.last_seq:
        page = host.events(snapshot.session_id, after=after, limit=PAGE)
        if not page:
            return
        yield from (event for event in page if seq_of(event) <= snapshot.last_seq)
        after = seq_of(page[-1])
