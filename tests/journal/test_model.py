"""The journal against plain lists and dicts, by Hypothesis: any order of writes, reads, closings and crashes."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import apsw
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from hitl_jupyter.errors import AlreadySettled, StoreFull, StoreHeld, StoreUnavailable, WrongState
from hitl_jupyter.journal.backup import back_up
from hitl_jupyter.journal.contract import (
    Batch,
    CommandRow,
    DraftRow,
    LaunchRow,
    SessionQuery,
    SessionRow,
    SessionUpdate,
    Write,
)
from hitl_jupyter.journal.sqlite import SqliteJournal
from hitl_jupyter.journal.writer import Faults
from hitl_jupyter.protocol import Status
from tests.journal.records import ALL, answer, batch, copy_as_crashed, open_request, session_row, trouble_of

_T = TypeVar("_T")
STATUSES: tuple[Status, ...] = ("queued", "running", "waiting", "completed")


class Kept:
    """What the model holds of one session."""

    def __init__(self, row: SessionRow) -> None:
        self.row = row
        self.status: Status = row.status
        self.rev = row.rev
        self.batches: list[Batch] = []
        self.drafts: dict[str, DraftRow] = {}
        self.launches: dict[str, LaunchRow] = {}
        self.commands: dict[str, CommandRow] = {}
        self.settled: dict[str, str | None] = {}

    @property
    def last_seq(self) -> int:
        return self.batches[-1].last_seq if self.batches else 0


class JournalMachine(RuleBasedStateMachine):
    """Each rule does one thing to the journal and to the model, and compares."""

    sessions = Bundle("sessions")
    requests = Bundle("requests")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folders = Path(tempfile.mkdtemp())
        self.copies = 0
        self.counter = 0
        self.forgotten_rev = 0
        self.epoch = 1
        self.disk_is_full = False
        self.kept: dict[str, Kept] = {}

    def run(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        return self.runner.run(coroutine)

    def submit(self, *writes: Write) -> list[BaseException | None]:
        """All of them at once, so that they share a commit."""

        async def submit_all() -> list[BaseException | None]:
            return await asyncio.gather(*[self.journal.submit(write) for write in writes], return_exceptions=True)

        return self.run(submit_all())

    def open(self, path: Path) -> None:
        self.journal = SqliteJournal(path, faults=Faults(before_commit=self.before_commit))
        self.run(self.journal.__aenter__())
        assert self.journal.epoch == self.epoch

    def before_commit(self) -> None:
        if self.disk_is_full:
            raise apsw.FullError("database or disk is full")

    def next_number(self) -> int:
        self.counter += 1
        return self.counter

    @initialize()
    def open_new(self) -> None:
        self.open(self.folders / "first" / "journal.sqlite")

    @rule(target=sessions, created_at=st.sampled_from([1.0, 2.0, 2.5]))
    def start(self, created_at: float) -> str:
        number = self.next_number()
        row = session_row(f"s{number}", rev=number, created_at=created_at)
        assert self.submit(Write(session_id=row.session_id, create=row)) == [None]
        self.kept[row.session_id] = Kept(row)
        return row.session_id

    @rule(session_id=sessions, sizes=st.lists(st.integers(1, 5), min_size=1, max_size=6))
    def append(self, session_id: str, sizes: list[int]) -> None:
        kept, writes = self.kept[session_id], []
        for size in sizes:
            piece = batch(session_id, kept.last_seq + 1, kept.last_seq + size, content=str(self.next_number()))
            kept.batches.append(piece)
            writes.append(Write(session_id=session_id, batch=piece, update=SessionUpdate(last_seq=piece.last_seq)))
        assert self.submit(*writes) == [None] * len(writes)

    @rule(session_id=sessions, offset=st.sampled_from([-1, 1, 3]))
    def append_with_a_gap(self, session_id: str, offset: int) -> None:
        first = max(self.kept[session_id].last_seq + 1 + offset, 0)
        (refused,) = self.submit(Write(session_id=session_id, batch=batch(session_id, first, first)))
        assert isinstance(refused, StoreUnavailable)

    @rule(session_id=sessions, status=st.sampled_from(STATUSES))
    def change_status(self, session_id: str, status: Status) -> None:
        kept, rev = self.kept[session_id], self.next_number()
        update = SessionUpdate(last_seq=kept.last_seq, rev=rev, status=status)
        assert self.submit(Write(session_id=session_id, update=update)) == [None]
        kept.status, kept.rev = status, rev

    @rule(target=requests, session_id=sessions)
    def ask(self, session_id: str) -> tuple[str, str]:
        request_id = f"q{self.next_number()}"
        assert self.submit(open_request(session_id, request_id)) == [None]
        self.kept[session_id].settled[request_id] = None
        return session_id, request_id

    @rule(request=requests, people=st.lists(st.sampled_from(["Ada", "Bob", "Cy"]), min_size=1, max_size=3))
    def answer(self, request: tuple[str, str], people: list[str]) -> None:
        session_id, request_id = request
        if session_id not in self.kept:
            return
        kept = self.kept[session_id]
        winner = kept.settled[request_id] or people[0]
        won = kept.settled[request_id] is None
        outcomes = self.submit(*[answer(session_id, request_id, person) for person in people])
        losers = outcomes[1:] if won else outcomes
        assert not won or outcomes[0] is None
        assert all(isinstance(loser, AlreadySettled) and loser.details["by"] == winner for loser in losers)
        kept.settled[request_id] = winner
        kept.drafts.pop(request_id, None)

    @rule(request=requests, revision=st.integers(1, 5))
    def type_a_draft(self, request: tuple[str, str], revision: int) -> None:
        session_id, request_id = request
        if session_id not in self.kept:
            return
        row = DraftRow(session_id=session_id, request_id=request_id, values=b"{}", revision=revision)
        self.run(self.journal.save_draft(row))
        if self.kept[session_id].settled[request_id] is None:
            self.kept[session_id].drafts[request_id] = row

    @rule(session_id=sessions, key=st.sampled_from(["k1", "k2"]))
    def command(self, session_id: str, key: str) -> None:
        kept = self.kept[session_id]
        row = CommandRow(scope=session_id, key=key, reply=str(self.next_number()).encode(), at=1.0)
        (outcome,) = self.submit(Write(session_id=session_id, command=row))
        assert isinstance(outcome, WrongState) == (key in kept.commands)
        kept.commands.setdefault(key, row)

    @rule(session_id=sessions, fence=st.integers(1, 3), accepted=st.integers(0, 9))
    def launch(self, session_id: str, fence: int, accepted: int) -> None:
        row = LaunchRow(
            launch_id=f"{session_id}-{fence}",
            session_id=session_id,
            attempt=1,
            fence=fence,
            secret_digest="d",
            accepted=accepted,
        )
        launches = self.kept[session_id].launches
        replaced = fence < max((launch.fence for launch in launches.values()), default=0)
        (outcome,) = self.submit(Write(session_id=session_id, launch=row))
        assert isinstance(outcome, WrongState) == replaced
        if not replaced:
            launches[row.launch_id] = row

    @rule(session_id=consumes(sessions))
    def forget(self, session_id: str) -> None:
        self.forgotten_rev = self.next_number()
        self.run(self.journal.forget(session_id, self.forgotten_rev))
        del self.kept[session_id]

    @rule(session_id=sessions, after=st.integers(0, 40), before=st.integers(0, 60), max_bytes=st.integers(0, 2000))
    def replay(self, session_id: str, after: int, before: int, max_bytes: int) -> None:
        batches = self.kept[session_id].batches
        wanted = [b for b in batches if any(after < seq < before for seq in range(b.first_seq, b.last_seq + 1))]
        allowed = [b for n, b in enumerate(wanted) if n == 0 or sum(len(x.data) for x in wanted[: n + 1]) <= max_bytes]
        assert self.run(self.journal.events(session_id, after, before, max_bytes)) == allowed
        assert self.run(self.journal.events(session_id, after, before, ALL)) == wanted

    @rule(session_id=sessions, before=st.integers(0, 60), count=st.integers(0, 30), max_bytes=st.integers(0, 2000))
    def replay_the_end(self, session_id: str, before: int, count: int, max_bytes: int) -> None:
        batches = self.kept[session_id].batches
        seqs = [seq for b in batches for seq in range(b.first_seq, b.last_seq + 1) if seq < before]
        last = set(seqs[-count:] if count else [])
        wanted = [b for b in batches if last & set(range(b.first_seq, b.last_seq + 1))]
        sizes = [sum(len(b.data) for b in wanted[at:]) for at in range(len(wanted))]
        allowed = [b for b, size in zip(wanted, sizes, strict=True) if size <= max_bytes or b is wanted[-1]]
        assert self.run(self.journal.last_events(session_id, before, count, max_bytes)) == allowed
        assert self.run(self.journal.last_events(session_id, before, count, ALL)) == wanted

    @rule(statuses=st.sets(st.sampled_from(STATUSES)), limit=st.integers(1, 3))
    def list_by_pages(self, statuses: set[Status], limit: int) -> None:
        listed: list[str] = []
        cursor = None
        while True:
            query = SessionQuery(statuses=tuple(statuses), limit=limit, cursor=cursor)
            page = self.run(self.journal.sessions(query))
            if not page:
                break
            listed += [row.session_id for row in page]
            cursor = (page[-1].created_at, page[-1].session_id)
        wanted = [k.row for k in self.kept.values() if not statuses or k.status in statuses]
        newest_first = sorted(wanted, key=lambda row: (row.created_at, row.session_id), reverse=True)
        assert listed == [row.session_id for row in newest_first]

    @rule()
    def close_and_open(self) -> None:
        self.run(self.journal.__aexit__(None, None, None))
        self.open(self.journal.path)
        assert self.journal.last_rev >= max([self.forgotten_rev, *(kept.rev for kept in self.kept.values())])

    @rule(session_id=sessions)
    def be_refused_by_a_full_disk(self, session_id: str) -> None:
        """Nothing is kept of it, and it may be sent again."""
        last = self.kept[session_id].last_seq
        write = Write(session_id=session_id, batch=batch(session_id, last + 1, last + 2))
        self.disk_is_full = True
        (refused,) = self.submit(write)
        assert isinstance(refused, StoreFull)
        assert trouble_of(self.journal) is refused
        self.disk_is_full = False
        assert self.submit(write) == [None]
        assert trouble_of(self.journal) is None
        self.kept[session_id].batches.append(write.batch or batch(session_id, 0, 0))

    @rule()
    def be_robbed_and_open(self) -> None:
        """The lock file is removed, and another opens the same files: from then on the first is refused."""
        robbed = self.journal
        robbed.path.with_name("journal.lock").unlink()
        self.epoch += 1
        self.open(robbed.path)
        late = session_row("late", rev=self.next_number())

        async def write() -> None:
            await robbed.submit(Write(session_id="late", create=late))

        with pytest.raises(StoreHeld):
            self.run(write())
        self.run(robbed.__aexit__(None, None, None))

    @rule()
    def back_up_and_restore(self) -> None:
        """Go on with a backup: the same rows, under an epoch of its own and with higher revs."""
        self.copies += 1
        target = self.folders / str(self.copies)
        epoch = back_up(self.journal.path.parent, target)
        self.run(self.journal.__aexit__(None, None, None))
        assert epoch > self.epoch
        self.epoch = epoch
        self.open(target / self.journal.path.name)
        self.counter = self.journal.last_rev
        self.forgotten_rev = 0
        for session_id, kept in self.kept.items():
            row = self.run(self.journal.session(session_id))
            assert row is not None
            assert row.rev > kept.rev
            kept.rev = row.rev

    @rule()
    def crash_and_open(self) -> None:
        """Go on with a copy of the files, as they are while the journal is open."""
        self.copies += 1
        left = copy_as_crashed(self.journal.path.parent, self.folders / str(self.copies))
        self.run(self.journal.__aexit__(None, None, None))
        self.epoch += 1
        self.open(left)

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        for session_id, kept in self.kept.items():
            row = self.run(self.journal.session(session_id))
            assert row is not None
            assert (row.last_seq, row.status, row.rev) == (kept.last_seq, kept.status, kept.rev)
            assert self.run(self.journal.drafts(session_id)) == [kept.drafts[key] for key in sorted(kept.drafts)]
            launches = sorted(kept.launches.values(), key=lambda launch: launch.fence)
            assert self.run(self.journal.launches(session_id)) == launches
            for key, command in kept.commands.items():
                assert self.run(self.journal.command(session_id, key)) == command

    def teardown(self) -> None:
        try:
            if hasattr(self, "journal"):
                self.run(self.journal.__aexit__(None, None, None))
        finally:
            self.runner.close()
            shutil.rmtree(self.folders)


TestJournal = JournalMachine.TestCase
TestJournal.settings = settings(
    max_examples=12, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
