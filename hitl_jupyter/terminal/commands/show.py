"""``jupyter hitl show``."""

from __future__ import annotations

import time
from collections.abc import Iterator

import click

from hitl_jupyter.notebook.transcript import TranscriptWriter
from hitl_jupyter.snapshot import ProgressState, Snapshot
from hitl_jupyter.terminal.connection import Line, connected
from hitl_jupyter.terminal.durations import ago, at
from hitl_jupyter.terminal.exits import INTERRUPTED, exit_code_of
from hitl_jupyter.terminal.history import history
from hitl_jupyter.terminal.inert import one_line
from hitl_jupyter.terminal.screen import STATUS_STYLES
from hitl_jupyter.terminal.view import STYLES, follow, how_to_answer
from hitl_jupyter.wording import headline


@click.command("show")
@connected
@click.argument("session_id", metavar="ID")
@click.option("--follow", "follows", is_flag=True, help="Stay, and show what comes, until the end.")
@click.option("--tail", type=click.IntRange(1), metavar="N", help="Only the last N events.")
def command(line: Line, session_id: str, follows: bool, tail: int | None) -> int | None:
    """How a session stands, and its transcript. ID may be the first 4 characters or more.

    With --follow the exit code says how it ended; an interrupt leaves the session alone. With --json a snapshot, or
    with --follow the events, a line each.
    """
    found = line.session(session_id)
    snapshot = line.host.snapshot(found)
    if line.screen.as_json and not follows:
        line.screen.value(snapshot)
        return None
    _facts(line, snapshot, hints=not follows)
    if not follows:
        _transcript(line, snapshot, tail)
        return None
    try:
        return exit_code_of(follow(line, found, tail).status)
    except KeyboardInterrupt:
        line.screen.note("\nThe session goes on.")
        return INTERRUPTED


def _facts(line: Line, snapshot: Snapshot, hints: bool) -> None:
    """What is known of it, for people: a program has the snapshot."""
    if line.screen.as_json:
        return
    line.screen.say(headline(snapshot), STATUS_STYLES.get(snapshot.status, ""))
    for name, value in _named(snapshot):
        line.screen.say(f"{name:<9} {one_line(value)}", "dim")
    for request in snapshot.open_requests if hints else ():
        line.screen.say(f"{'answer':<9} {how_to_answer(line, snapshot, request)}", "dim")
    line.screen.say("")


def _named(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    yield "id", snapshot.session_id
    if snapshot.session is not None:
        yield "task", snapshot.session.task
    if snapshot.created_at:
        yield "started", f"{at(snapshot.created_at)} ({ago(time.time() - snapshot.created_at)} ago)"
    if snapshot.ended_at:
        yield "ended", at(snapshot.ended_at)
    if snapshot.attempt > 1:
        yield "attempt", str(snapshot.attempt)
    if not snapshot.ended:
        for state in snapshot.progress:
            yield "progress", _progress(state)


def _progress(state: ProgressState) -> str:
    total = "" if state.total is None else f"/{state.total:g}"
    return f"{state.label} {state.done:g}{total}"


def _transcript(line: Line, snapshot: Snapshot, tail: int | None) -> None:
    writer = TranscriptWriter()
    for event in history(line.host, snapshot, tail):
        for text in writer.texts([event]):
            line.screen.say(text, STYLES.get(type(event), ""))
