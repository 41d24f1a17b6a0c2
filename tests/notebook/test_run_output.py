"""Whose output it is: a run's own threads' and coroutines', or anybody else's."""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

from hitl_jupyter.errors import Cancelled
from hitl_jupyter.notebook.kernel_link import ThreadInterruption
from hitl_jupyter.notebook.run_output import RunOutput, StandIn, sent_to
from hitl_jupyter.protocol import Display, Stream

Said = list[tuple[str, str]]


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


@contextlib.contextmanager
def a_screen() -> Iterator[Tty]:
    """What everybody else prints to; in the test's own body, for pytest changes the streams between its phases."""
    screen, before = Tty(), (sys.stdout, sys.stderr)
    sys.stdout = sys.stderr = screen
    try:
        yield screen
        assert sys.stdout is screen
        assert sys.stderr is screen
    finally:
        sys.stdout, sys.stderr = before


def on_a_screen(test: Callable[[Tty], None]) -> Callable[[], None]:
    """A test that is given one. Its root logger has no handlers, and keeps none."""

    def tested() -> None:
        root = logging.getLogger()
        handlers, root.handlers[:], level = list(root.handlers), [], root.level
        try:
            with a_screen() as screen:
                test(screen)
        finally:
            root.handlers[:] = handlers
            root.setLevel(level)

    tested.__name__, tested.__doc__ = test.__name__, test.__doc__
    return tested


def in_a_run(work: Callable[[], Any]) -> Said:
    """What a run that does this says, by source, from a thread of its own."""
    said: Said = []

    def emit(event: Stream | Display) -> None:
        assert isinstance(event, Stream)
        said.append((event.source, event.content))

    def run() -> None:
        output = RunOutput(emit, lambda event: None)
        with sent_to(output):
            work()
            output.drain()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(20)
    return said


@on_a_screen
def test_prints_of_a_run_are_its_own_and_others_stay(screen: Tty) -> None:
    began, other_said = threading.Event(), threading.Event()

    def other() -> None:
        began.wait(20)
        print("somebody else")
        other_said.set()

    threading.Thread(target=other).start()

    def work() -> None:
        print("mine", 1)
        sys.stderr.write("trouble\n")
        began.set()
        other_said.wait(20)
        print("unfinished", end="")

    assert in_a_run(work) == [("stdout", "mine 1"), ("stderr", "trouble"), ("stdout", "unfinished")]
    assert screen.getvalue() == "somebody else\n"


@on_a_screen
def test_coroutines_and_what_they_send_to_threads_are_the_runs(screen: Tty) -> None:
    async def main() -> None:
        await asyncio.gather(asyncio.to_thread(print, "in a thread"), asyncio.create_task(say("in a task")))

    async def say(text: str) -> None:
        print(text)

    assert sorted(in_a_run(lambda: asyncio.run(main()))) == [("stdout", "in a task"), ("stdout", "in a thread")]
    assert screen.getvalue() == ""


@on_a_screen
def test_two_runs_at_once_do_not_mix(screen: Tty) -> None:
    barrier = threading.Barrier(2, timeout=20)
    said: dict[str, Said] = {}

    def talk(name: str) -> None:
        def work() -> None:
            for number in range(50):
                barrier.wait()
                print(name, number)

        said[name] = in_a_run(work)

    threads = [threading.Thread(target=talk, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert said == {name: [("stdout", f"{name} {number}") for number in range(50)] for name in "ab"}


@on_a_screen
def test_a_run_has_no_terminal_and_others_keep_theirs(screen: Tty) -> None:
    assert in_a_run(lambda: print(sys.stdout.isatty())) == [("stdout", "False")]
    assert sys.stdout.isatty()


@on_a_screen
def test_what_stands_there_is_still_what_it_stands_for(screen: Tty) -> None:
    stand_in: Any = StandIn(screen, "stdout")
    stand_in.mark = 1
    assert isinstance(stand_in, Tty)
    assert vars(screen)["mark"] == 1
    assert stand_in.getvalue() == ""


@on_a_screen
def test_functions_that_are_put_before_write_work_and_do_not_pile_up(screen: Tty) -> None:
    stand_in: Any = StandIn(screen, "stdout")
    seen: list[str] = []
    for number in range(2000):
        before = stand_in.write

        def remember(text: str, before: Any = before) -> Any:
            seen.append(text)
            return before(text)

        stand_in.write = remember
        print(number, end=";", file=stand_in)
        stand_in.write = before
    stand_in.write("end")
    assert screen.getvalue().startswith("0;1;2;")
    assert screen.getvalue().endswith("1999;end")
    assert "".join(seen).startswith("0;1;2;")
    assert "end" not in seen


@on_a_screen
def test_a_runs_records_have_their_level_and_others_are_printed(screen: Tty) -> None:
    last = logging.lastResort
    assert in_a_run(lambda: logging.getLogger("lib").warning("careful")) == [("log", "careful")]
    assert logging.lastResort is last
    assert screen.getvalue() == ""


@on_a_screen
def test_a_console_that_was_configured_before_is_not_written_to_by_a_run(screen: Tty) -> None:
    logging.basicConfig(level=logging.INFO)
    assert in_a_run(lambda: logging.getLogger("lib").info("in a run")) == [("log", "lib: in a run")]
    logging.getLogger("lib").info("in a cell")
    assert screen.getvalue() == "INFO:lib:in a cell\n"


@on_a_screen
def test_a_console_that_a_run_configures_is_everybodys(screen: Tty) -> None:
    configure = logging.basicConfig

    def work() -> None:
        logging.basicConfig(format="%(levelname)s %(message)s")
        logging.warning("in a run")

    assert in_a_run(work) == [("log", "WARNING in a run")]
    assert logging.basicConfig is configure
    logging.warning("in a cell")
    assert screen.getvalue() == "WARNING in a cell\n"


# -- interrupting a thread --------------------------------------------------------------------------------------------


def test_an_interruption_ends_a_loop_and_nothing_after_it() -> None:
    interruption, looping, came = ThreadInterruption(), threading.Event(), []

    def work() -> None:
        try:
            with interruption.ends_the_task():
                looping.set()
                while True:
                    pass
        except Cancelled:
            came.append("ended")
        interruption.interrupt()
        came.append("went on")

    thread = threading.Thread(target=work)
    thread.start()
    assert looping.wait(20)
    interruption.interrupt()
    thread.join(20)
    assert came == ["ended", "went on"]
    assert interruption.came


def test_an_interruption_in_the_last_moment_reaches_nothing_of_ours() -> None:
    for _ in range(300):
        interruption = ThreadInterruption()
        done: list[str] = []

        def work(interruption: ThreadInterruption = interruption, done: list[str] = done) -> None:
            try:
                with interruption.ends_the_task():
                    pass
            except Cancelled:
                done.append("cancelled")
            total = 0
            for number in range(2000):
                total += number
            done.append("whole")

        thread = threading.Thread(target=work)
        thread.start()
        interruption.interrupt()
        thread.join(20)
        assert done[-1] == "whole"
