"""``jupyter hitl list``."""

from __future__ import annotations

import time
from typing import cast

import click

from hitl_jupyter.protocol import Status
from hitl_jupyter.states import STATUSES
from hitl_jupyter.summary import Summary
from hitl_jupyter.terminal.connection import Line, connected
from hitl_jupyter.terminal.durations import ago

HEAD = ("id", "task", "title", "status", "age", "waits for")
WHOLE = ("id", "status", "age")


@click.command("list")
@connected
@click.option("--status", multiple=True, type=click.Choice(sorted(STATUSES)), help="Only these; may be repeated.")
@click.option("--task", metavar="NAME", help="Only sessions of this task.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many.")
def command(line: Line, status: tuple[str, ...], task: str | None, limit: int) -> None:
    """Sessions, newest first: on a terminal with the beginning of their ids, in a pipe with the whole."""
    wanted = cast("tuple[Status, ...]", status) or None
    found = list(line.host.sessions(status=wanted, task=task, limit=limit))
    if line.screen.as_json:
        line.screen.value(found)
    elif found:
        now = time.time()
        line.screen.table(HEAD, [_row(line, summary, now) for summary in found], whole=WHOLE)
    else:
        line.screen.note("No sessions.")


def _row(line: Line, summary: Summary, now: float) -> tuple[str, ...]:
    waits_for = "; ".join(request.message for request in summary.open_requests)
    return (
        line.shown_id(summary.session_id),
        summary.task,
        summary.title,
        summary.status,
        ago(now - summary.created_at) if summary.created_at else "",
        waits_for,
    )
