"""What an inbox is told: every session at first, in pieces, then changes; nothing lost, nothing of anybody else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from hitl_jupyter.engine import hub
from hitl_jupyter.engine import manager as manager_module
from hitl_jupyter.engine.actor import Actor
from hitl_jupyter.engine.feed import Feed, Feeds
from hitl_jupyter.engine.manager import SessionManager
from hitl_jupyter.link.messages import Run
from hitl_jupyter.protocol import Confirm, RequestConfirmation, SessionFacts, TaskCompleted
from hitl_jupyter.snapshot import Snapshot
from hitl_jupyter.summary import SessionChanged, Summary, summarize
from tests.engine.fakes import ADA, BOB, SHIPPED, FakeWorker, host, until
from tests.engine.test_sessions import completes, confirms

pytestmark = pytest.mark.anyio

Message = dict[str, Any]
Pages = Callable[[], AsyncIterator[Sequence[SessionChanged]]]


class Inbox:
    """A client of a feed: the frames it got, and what it made of them."""

    def __init__(self, feed: Feed) -> None:
        self.frames: list[list[Message]] = []
        self._reading = feed.__aiter__()

    @property
    def messages(self) -> list[Message]:
        return [message for frame in self.frames for message in frame]

    @property
    def lines(self) -> dict[str, Message]:
        """Of each session the message with the greatest rev."""
        lines: dict[str, Message] = {}
        for message in self.messages:
            if message["type"] == "session" and message["rev"] > lines.get(message["session_id"], {"rev": -1})["rev"]:
                lines[message["session_id"]] = message
        return lines

    async def read(self) -> list[Message]:
        """The next frame."""
        frame: list[Message] = msgspec.json.decode(await anext(self._reading))
        self.frames.append(frame)
        return frame

    async def list_all(self) -> Message:
        """Read the first list; the message that ends it."""
        while (last := (await self.read())[-1])["type"] != "sessions_listed":
            pass
        return last

    async def until(self, session_id: str, holds: Callable[[Message], bool]) -> Message:
        """Read on until this holds of a session's newest line."""
        while session_id not in self.lines or not holds(self.lines[session_id]):
            await self.read()
        return self.lines[session_id]


def summary_of(session_id: str, title: str = "", owner: str = "ada") -> Summary:
    return summarize(Snapshot(session_id=session_id, session=SessionFacts(task="t", title=title, owner=owner)))


def line(session_id: str, rev: int, owner: str = "ada") -> SessionChanged:
    """A line whose title says at which rev it was true."""
    return SessionChanged(summary=summary_of(session_id, f"at {rev}", owner), session_id=session_id, rev=rev)


def change(feeds: Feeds, session_id: str, rev: int, *audience: str) -> None:
    feeds.put(session_id, rev, audience or ("ada",), lambda: summary_of(session_id, f"at {rev}"))


def forget(feeds: Feeds, session_id: str, rev: int) -> None:
    feeds.put(session_id, rev, ("ada",), lambda: None)


def pages(*steps: Sequence[SessionChanged] | Callable[[], None]) -> Pages:
    """A first list, with what happens between its pages."""

    async def read() -> AsyncIterator[Sequence[SessionChanged]]:
        for step in steps:
            if callable(step):
                step()
            else:
                yield step

    return read


async def completed(manager: SessionManager, count: int, actor: Actor = ADA) -> list[str]:
    """So many sessions that have ended, the oldest first."""
    ids = [(await manager.start(SHIPPED, actor)).session_id for _ in range(count)]
    for session_id in ids:
        await until(manager, session_id, "completed")
    return ids


async def test_an_inbox_gets_all_sessions_at_first_then_each_change_of_its_owner(tmp_path: Path) -> None:
    async with host(tmp_path, confirms) as (manager, _):
        first = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, first, "waiting")
        await manager.start(SHIPPED, BOB)
        async with manager.feed(ADA) as feed:
            inbox = Inbox(feed)
            assert (await inbox.list_all())["count"] == 1
            assert inbox.lines[first]["summary"]["open_requests"][0]["message"] == "Send it?"
            await manager.answer(first, Confirm(value=True, request_id="q1"), ADA)
            await inbox.until(first, lambda line: line["summary"]["status"] == "completed")
        revs = [message["rev"] for message in inbox.messages if message["type"] == "session"]
        assert revs == sorted(set(revs))
        assert inbox.lines.keys() == {first}


async def test_a_first_list_comes_in_frames_of_a_hundred_the_newest_first_and_its_end_is_told_once(
    tmp_path: Path,
) -> None:
    feeds = Feeds()
    many = [line(f"s{rev}", rev) for rev in range(250, 0, -1)]
    async with Feed(feeds, ADA, pages(many), 0) as feed:
        inbox = Inbox(feed)
        assert await inbox.list_all() == {"type": "sessions_listed", "count": 250, "rev": 0}
    assert [len(frame) for frame in inbox.frames] == [100, 100, 50, 1]
    assert [message["rev"] for message in inbox.messages[:-1]] == list(range(250, 0, -1))


async def test_a_long_list_is_read_from_the_journal_bit_by_bit_and_wholly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manager_module, "LISTED_AT_ONCE", 2)
    async with host(tmp_path, completes) as (manager, _):
        ids = await completed(manager, 5)
        async with manager.feed(ADA) as feed:
            inbox = Inbox(feed)
            listed = await inbox.list_all()
        assert [len(frame) for frame in inbox.frames] == [2, 2, 1, 1]
        assert [message["session_id"] for message in inbox.messages[:-1]] == ids[::-1]
        assert listed["count"] == 5
        assert listed["rev"] >= max(line["rev"] for line in inbox.lines.values())


@pytest.mark.parametrize("after", [0, 7])
async def test_the_end_of_a_list_of_nothing_is_told_too(tmp_path: Path, after: int) -> None:
    async with host(tmp_path, completes) as (manager, _), manager.feed(ADA, after=after) as feed:
        assert await Inbox(feed).read() == [{"type": "sessions_listed", "count": 0, "rev": 0}]


async def test_of_the_sessions_that_have_ended_only_so_many_are_listed_but_the_live_ones_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manager_module, "LISTED_AT_ONCE", 2)
    async with host(tmp_path, confirms, confirms, completes) as (manager, _):
        live = [(await manager.start(SHIPPED, ADA)).session_id for _ in range(2)]
        for session_id in live:
            await until(manager, session_id, "waiting")
        ended = await completed(manager, 4)
        for count, shown in [(None, ended), (3, ended[1:]), (0, []), (9, ended)]:
            async with manager.feed(ADA, ended=count) as feed:
                inbox = Inbox(feed)
                assert (await inbox.list_all())["count"] == len(live) + len(shown)
            assert [message["session_id"] for message in inbox.messages[:-1]] == live[::-1] + shown[::-1]


async def test_after_a_rev_only_what_changed_since_is_told(tmp_path: Path) -> None:
    async with host(tmp_path, confirms) as (manager, _):
        ids = [(await manager.start(SHIPPED, ADA)).session_id for _ in range(2)]
        for session_id in ids:
            await until(manager, session_id, "waiting")
        async with manager.feed(ADA) as feed:
            seen = (await Inbox(feed).list_all())["rev"]
        await manager.answer(ids[0], Confirm(value=True, request_id="q1"), ADA)
        await until(manager, ids[0], "completed")
        async with manager.feed(ADA, after=seen) as feed:
            inbox = Inbox(feed)
            assert (await inbox.list_all())["count"] == 1
        assert inbox.lines.keys() == {ids[0]}


async def test_numbers_are_not_given_again_after_a_restart_though_what_had_them_was_forgotten(tmp_path: Path) -> None:
    async with host(tmp_path, completes) as (manager, _):
        (session_id,) = await completed(manager, 1)
        async with manager.feed(ADA) as feed:
            inbox = Inbox(feed)
            await inbox.list_all()
            await manager.forget(session_id, ADA)
            gone = await inbox.until(session_id, lambda line: line["forgotten"])
    async with host(tmp_path, completes) as (manager, _):
        (session_id,) = await completed(manager, 1)
        async with manager.feed(ADA, after=gone["rev"]) as feed:
            inbox = Inbox(feed)
            await inbox.list_all()
        assert inbox.lines.keys() == {session_id}


# -- what happens while the list is read -----------------------------------------------------------------------------


async def test_a_change_before_its_session_is_listed_takes_the_place_of_the_older_line() -> None:
    feeds = Feeds()
    steps = pages([line("a", 1)], lambda: change(feeds, "b", 4), [line("b", 2)])
    async with Feed(feeds, ADA, steps, 0) as feed:
        inbox = Inbox(feed)
        assert (await inbox.list_all())["count"] == 2
        change(feeds, "c", 5)
        await inbox.read()
    told = [(message["session_id"], message["rev"]) for message in inbox.messages if message["type"] == "session"]
    assert told == [("a", 1), ("b", 4), ("c", 5)]


async def test_a_listed_line_that_is_newer_than_the_change_that_waits_is_told_instead() -> None:
    feeds = Feeds()
    steps = pages(lambda: change(feeds, "a", 1), [line("a", 2)])
    async with Feed(feeds, ADA, steps, 0) as feed:
        inbox = Inbox(feed)
        await inbox.list_all()
    assert [message["rev"] for message in inbox.frames[0]] == [2]


async def test_a_change_after_its_session_was_listed_comes_after_the_list() -> None:
    feeds = Feeds()
    steps = pages([line("a", 1)], lambda: change(feeds, "a", 3), [line("b", 2)], [line("a", 3)])
    async with Feed(feeds, ADA, steps, 0) as feed:
        inbox = Inbox(feed)
        assert (await inbox.list_all())["count"] == 2
        assert [message["rev"] for message in await inbox.read()] == [3]


async def test_a_session_that_is_forgotten_meanwhile_is_told_as_forgotten_whether_it_was_listed_or_not() -> None:
    feeds = Feeds()

    def forget_both() -> None:
        forget(feeds, "a", 3)
        forget(feeds, "b", 4)

    async with Feed(feeds, ADA, pages([line("a", 1)], forget_both, [line("b", 2)]), 0) as feed:
        inbox = Inbox(feed)
        assert (await inbox.list_all())["count"] == 1
        gone = await inbox.read()
    assert [(message["session_id"], message["forgotten"], message["summary"]) for message in gone] == [
        ("a", True, None), ("b", True, None),
    ]  # fmt: skip


async def test_the_number_of_the_list_promises_no_change_that_is_still_to_come() -> None:
    feeds = Feeds()
    steps = pages([line("a", 1)], lambda: change(feeds, "a", 2))
    async with Feed(feeds, ADA, steps, 0) as feed:
        assert (await Inbox(feed).list_all())["rev"] == 0


async def test_a_session_that_ends_while_the_list_is_read_is_told_as_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manager_module, "LISTED_AT_ONCE", 1)
    async with host(tmp_path, completes, completes, confirms) as (manager, _):
        old = await completed(manager, 2)
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "waiting")
        async with manager.feed(ADA) as feed:
            inbox = Inbox(feed)
            assert [message["session_id"] for message in await inbox.read()] == [session_id]
            await manager.answer(session_id, Confirm(value=True, request_id="q1"), ADA)
            await until(manager, session_id, "completed")
            assert (await inbox.list_all())["count"] == 3
            await inbox.until(session_id, lambda line: line["summary"]["status"] == "completed")
        assert inbox.lines.keys() == {session_id, *old}


# -- whose sessions, and at what cost --------------------------------------------------------------------------------


async def asks_bob(worker: FakeWorker, run: Run) -> None:
    await worker.emit(RequestConfirmation(request_id="bobs", message="Bob?", assignees=["bob"]))
    await worker.answer()
    await worker.emit(RequestConfirmation(request_id="adas", message="Ada?"))
    await worker.answer()
    await worker.emit(TaskCompleted())


async def test_what_an_assignee_watches_ends_with_the_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "SIGHT_GRACE_SECONDS", 0.05)
    async with host(tmp_path, asks_bob) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "waiting")
        live: list[bytes] = []
        async with await manager.watch(session_id, BOB) as theirs:
            with anyio.fail_after(10):
                async for frame in theirs:
                    live.append(frame)
                    if b'"state_replay_complete"' in frame:
                        live.clear()
                        await manager.answer(session_id, Confirm(value=True, request_id="bobs"), BOB)
        assert b'"request_resolved"' in b"".join(live)
        assert not (await manager.snapshot(session_id, ADA)).ended


async def asks_bob_twice(worker: FakeWorker, run: Run) -> None:
    for number in ("1", "2"):
        await worker.emit(RequestConfirmation(request_id=number, message="Bob?", assignees=["bob"]))
        await worker.answer()
    await worker.emit(TaskCompleted())


async def test_an_assignee_who_is_asked_twice_watches_on(tmp_path: Path) -> None:
    async with host(tmp_path, asks_bob_twice) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "waiting")
        answered = 0
        async with await manager.watch(session_id, BOB) as theirs:
            with anyio.fail_after(10):
                async for _ in theirs:
                    open_ones = (await manager.snapshot(session_id, ADA)).open_requests
                    if len(open_ones) == 1 and open_ones[0].request_id == str(answered + 1):
                        answered += 1
                        await manager.answer(session_id, Confirm(value=True, request_id=str(answered)), BOB)
                    if answered == 2:
                        break
        await until(manager, session_id, "completed")


async def test_an_assignee_who_reads_late_is_not_sent_what_came_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "SIGHT_GRACE_SECONDS", 0.05)
    async with host(tmp_path, asks_bob) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "waiting")
        async with await manager.watch(session_id, BOB) as theirs:
            frames = aiter(theirs)
            while b'"state_replay_complete"' not in await anext(frames):
                pass
            await manager.answer(session_id, Confirm(value=True, request_id="bobs"), BOB)
            while [each.request_id for each in (await manager.snapshot(session_id, ADA)).open_requests] != ["adas"]:
                await anyio.lowlevel.checkpoint()
            await manager.answer(session_id, Confirm(value=True, request_id="adas"), ADA)
            await until(manager, session_id, "completed")
            with anyio.fail_after(10):
                late = b"".join([frame async for frame in frames])
        assert b'"request_resolved"' in late
        assert b"Ada?" not in late
        assert b"task_completed" not in late


async def test_an_assignee_sees_the_session_while_the_question_is_open_and_is_told_when_it_goes(
    tmp_path: Path,
) -> None:
    async with host(tmp_path, asks_bob) as (manager, _), manager.feed(BOB) as live:
        watching = Inbox(live)
        await watching.list_all()
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await watching.until(session_id, lambda line: line["summary"]["status"] == "waiting")
        async with manager.feed(BOB) as feed:
            inbox = Inbox(feed)
            assert (await inbox.list_all())["count"] == 1
            assert inbox.lines[session_id]["summary"]["owner"] == "ada"
            await manager.answer(session_id, Confirm(value=True, request_id="bobs"), BOB)
            for each in (watching, inbox):
                gone = await each.until(session_id, lambda line: line["forgotten"])
                assert gone["summary"] is None
        await manager.answer(session_id, Confirm(value=True, request_id="adas"), ADA)
        await until(manager, session_id, "completed")
        own = (await manager.start(SHIPPED, BOB)).session_id
        await watching.until(own, lambda line: not line["forgotten"])
        assert watching.lines[session_id] == gone, "nothing more is told of what is over"


async def test_a_session_that_stops_asking_while_the_list_is_read_goes_again() -> None:
    feeds = Feeds()
    steps = pages([line("a", 1, owner="ada")], lambda: change(feeds, "a", 2, "ada"))
    async with Feed(feeds, BOB, steps, 0) as feed:
        inbox = Inbox(feed)
        await inbox.list_all()
        assert [message["forgotten"] for message in await inbox.read()] == [True]


async def test_a_change_that_no_inbox_shows_costs_no_summary() -> None:
    feeds = Feeds()

    def never() -> Summary:
        raise AssertionError("nobody is there to be told")

    feeds.put("a", 1, {"ada"}, never)
    async with Feed(feeds, BOB, pages(), 0):
        feeds.put("a", 2, {"ada"}, never)
    assert feeds.rev == 2


async def test_inboxes_share_the_summary_of_a_change() -> None:
    feeds = Feeds()
    made: list[str] = []

    def summary() -> Summary:
        made.append("one")
        return summary_of("a")

    async with Feed(feeds, ADA, pages(), 0), Feed(feeds, ADA, pages(), 0):
        feeds.put("a", 1, {"ada"}, summary)
    assert made == ["one"]


async def test_an_inbox_that_does_not_read_is_told_the_newest_line_of_each_session() -> None:
    feeds = Feeds()
    async with Feed(feeds, ADA, pages(), 0) as feed:
        inbox = Inbox(feed)
        await inbox.list_all()
        for rev in range(1, 1001):
            change(feeds, f"s{rev % 150}", rev)
        frames = [await inbox.read(), await inbox.read()]
    assert [len(frame) for frame in frames] == [100, 50]
    assert [message["rev"] for frame in frames for message in frame] == list(range(851, 1001))


async def test_changes_in_quick_succession_are_told_together() -> None:
    feeds = Feeds()
    async with Feed(feeds, ADA, pages(), 0) as feed, anyio.create_task_group() as tasks:
        inbox = Inbox(feed)
        await inbox.list_all()
        change(feeds, "a", 1)
        await inbox.read()
        tasks.start_soon(inbox.read)
        for rev in (2, 3):
            change(feeds, "a", rev)
            await anyio.wait_all_tasks_blocked()
    assert [[message["rev"] for message in frame] for frame in inbox.frames[1:]] == [[1], [3]]


async def test_an_idle_inbox_only_waits() -> None:
    feeds = Feeds()
    async with Feed(feeds, ADA, pages(), 0) as feed, anyio.create_task_group() as tasks:
        inbox = Inbox(feed)
        await inbox.list_all()
        tasks.start_soon(inbox.read)
        await anyio.wait_all_tasks_blocked()
        woken = feed._woken
        await anyio.wait_all_tasks_blocked()
        assert feed._woken is woken
        assert woken.statistics().tasks_waiting == 1
        change(feeds, "a", 1)
