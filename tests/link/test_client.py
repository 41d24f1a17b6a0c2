"""The link's client against a host that breaks, goes away and comes back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hitl_jupyter.link.client import Link
from hitl_jupyter.link.messages import CancelRun, Hello, Refused, Resolved
from hitl_jupyter.masking import MASK
from hitl_jupyter.protocol import PROTOCOL_VERSION, RequestConfirmation, RequestUserInput, Stream
from tests.support.fake_host import FakeHost, cell, fake_host, run_of, worker
from tests.support.waiting import eventually


@contextmanager
def linked(host: FakeHost, **options: Any) -> Iterator[tuple[Link, list[Any], list[str]]]:
    """A started link, what was delivered, and why it was lost."""
    delivered: list[Any] = []
    lost: list[str] = []
    hello = Hello(launch_id="launch-1", secret="s3cret", pid=1, protocol=PROTOCOL_VERSION)
    link = Link(host.path, hello, delivered.append, lambda why, alone: lost.append(why), **options)
    link.start()
    try:
        yield link, delivered, lost
    finally:
        link.close()


def test_events_arrive_and_are_acknowledged() -> None:
    with fake_host() as host, linked(host) as (link, _, _):
        for n in range(10_000):
            link.outbox.emit(Stream(content=str(n)))
        assert link.finish(10)
        assert [event.content for event in host.events] == [str(n) for n in range(10_000)]
        assert host.hellos[0].secret == "s3cret"


def test_a_broken_link_is_made_anew_without_loss_or_doubling() -> None:
    with fake_host() as host, linked(host) as (link, _, _):
        for turn in range(1, 4):
            host.drop_after = host.received + 1
            for n in range(10_000):
                link.outbox.emit(Stream(content=f"{turn}:{n}"))
            eventually(lambda: len(host.hellos) > turn, "another connection")  # noqa: B023 - called in this turn
            assert link.outbox.wait_empty(20)
        assert [event.content for event in host.events] == [f"{t}:{n}" for t in range(1, 4) for n in range(10_000)]


def test_a_host_that_was_away_finds_everything_when_it_is_back() -> None:
    with fake_host() as host, linked(host) as (link, _, _):
        link.outbox.emit(Stream(content="before"))
        host.wait(Stream)
        host.close()
        link.outbox.emit(Stream(content="meanwhile"))
        host.reopen()
        assert link.finish(20)
        assert [event.content for event in host.events] == ["before", "meanwhile"]


def test_what_was_taken_but_not_acknowledged_is_not_taken_twice() -> None:
    with fake_host() as host, linked(host) as (link, _, _):
        host.acknowledge = False
        link.outbox.emit(Stream(content="once"))
        host.wait(Stream)
        host.break_link()
        eventually(lambda: len(host.hellos) == 2, "another connection")
        assert link.finish(10), "the Welcome says that the host has it"
        assert len(host.events) == 1


def test_transient_text_is_not_kept() -> None:
    with fake_host() as host, linked(host) as (link, _, _):
        assert link.welcomed.wait(10)
        link.transient([Stream(content="10%", transient=True)])
        eventually(lambda: host.transient, "transient text")
        assert host.events == []


def test_host_messages_are_delivered_in_order() -> None:
    with fake_host() as host, linked(host) as (link, delivered, _):
        assert link.welcomed.wait(10)
        for name in "abc":
            host.send(CancelRun(by=name))
        eventually(lambda: len(delivered) == 3, "three messages")
        assert [message.by for message in delivered] == ["a", "b", "c"]


def test_a_refused_link_gives_up_at_once() -> None:
    with fake_host() as host:
        host.on_connect = [Refused(code="unknown_launch", message="This launch is not known.")]
        with linked(host) as (link, _, lost):
            eventually(lambda: lost, "the end")
            assert lost == ["This launch is not known."]
            assert link.outbox.closed


def test_a_link_gives_up_soon_when_the_hosts_folder_has_been_removed(tmp_path: Path) -> None:
    with fake_host() as host:
        host.path = tmp_path / "removed" / "link.sock"
        with linked(host, folder_patience=0.1) as (_, _, lost):
            assert "No host answered" in eventually(lambda: lost and lost[0], "the end")
        host.path = host.folder / "link.sock"


def test_a_link_without_a_host_gives_up_when_its_patience_is_used_up(tmp_path: Path) -> None:
    with fake_host() as host:
        host.path = tmp_path / "nobody.sock"
        with linked(host, patience=lambda: 0.1) as (_, _, lost):
            assert "No host answered" in eventually(lambda: lost and lost[0], "the end")
        host.path = host.folder / "link.sock"


def test_a_task_that_waits_for_nobody_any_more_has_its_patience_whole_from_that_moment(tmp_path: Path) -> None:
    patience = [60.0]
    with fake_host() as host:
        host.path = tmp_path / "nobody.sock"
        with linked(host, patience=lambda: patience[0]) as (link, _, lost):
            begun = time.monotonic()
            eventually(lambda: time.monotonic() - begun > 1, "some time alone")
            patience[0] = 1.0
            eventually(lambda: link._last_patience == 1.0, "the link has seen it")
            seen = time.monotonic()
            eventually(lambda: lost, "the end")
            assert time.monotonic() - seen > 0.9
        host.path = host.folder / "link.sock"


@pytest.mark.processes
def test_a_task_goes_on_through_a_host_that_restarts_and_nothing_is_lost() -> None:
    source = """
        def go(ctx):
            for n in range(2000):
                ctx.stream(n)
            answer = ctx.confirm("Still there?")
            for n in range(2000, 4000):
                ctx.stream(n)
            return answer
    """
    with fake_host() as host:
        run = run_of(host, shipped=cell(source))
        host.on_connect = [run]
        host.drop_after = 1000
        with worker(host) as process:
            question = eventually(lambda: next((e for e in host.events if hasattr(e, "default")), None), "a question")
            eventually(lambda: host.hellos[1:], "the worker, back after the break")
            host.close()
            host.reopen()
            eventually(lambda: host.hellos[2:], "the worker, back after the restart")
            host.answer(question, True)
            assert host.end().values is True
            assert process.wait() == 0
        assert host.lines("task") == [str(n) for n in range(4000)]


@pytest.mark.processes
def test_a_worker_that_is_refused_ends_and_says_why() -> None:
    with fake_host() as host:
        host.on_connect = [Refused(code="unknown_launch", message="This launch is not known.")]
        with worker(host) as process:
            process.wait()
            assert "This launch is not known." in process.last_words()


@pytest.mark.processes
def test_a_worker_beats_while_its_task_says_nothing() -> None:
    with fake_host() as host:
        host.beat_seconds = 0.05
        host.on_connect = [run_of(host, shipped=cell("def go(ctx): return ctx.confirm('Go on?')"))]
        with worker(host) as process:
            eventually(lambda: host.beats > 5, "some beats")
            host.answer(host.wait(RequestConfirmation), True)
            assert host.end().values is True
            assert process.wait() == 0


@pytest.mark.processes
def test_a_secret_given_as_the_host_died_is_the_one_that_the_worker_checked_last() -> None:
    with fake_host() as host:
        host.on_connect = [run_of(host, task="tests.server.tasks:log_in")]
        with worker(host) as process:
            form = host.wait(RequestUserInput)
            for password in ("an earlier one", "tiger"):
                assert not host.check(form, {"user": "ada", "password": password}).errors
            host.close()
            host.reopen()
            eventually(lambda: host.hellos[1:], "the worker, back after the restart")
            for user in ("eve", "ada"):  # the first of these it never checked
                answer = {"user": user, "password": MASK}
                host.send(Resolved(request_id=form.request_id, outcome="answered", value=answer, masked=True))
            assert host.end().values == len("tiger")
            assert process.wait() == 0
