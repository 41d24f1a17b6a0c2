"""``jupyter hitl tasks``."""

from __future__ import annotations

from typing import Any

import click

from hitl_jupyter.terminal.connection import Line, connected
from hitl_jupyter.terminal.inert import one_line
from hitl_jupyter.terminal.parameters import describe_parameters

HEAD = ("task", "parameters", "description")


@click.command("tasks")
@connected
def command(line: Line) -> None:
    """The tasks that can be started by name, with their parameters and defaults."""
    listing = line.client.get("tasks")
    for problem in listing.get("problems", []):
        line.screen.note(f"{problem.get('module')}: {one_line(str(problem.get('message')))}", "yellow")
    if line.screen.as_json:
        line.screen.value(listing)
        return
    rows = [_row(task) for task in listing.get("tasks", [])]
    if rows:
        line.screen.table(HEAD, rows, whole=("task",))
    else:
        line.screen.note("No task is registered. Name one in a package's entry points `hitl_jupyter.tasks`.")


def _row(task: dict[str, Any]) -> tuple[str, ...]:
    takes = task["error"] if "error" in task else describe_parameters(task.get("schema") or {})
    return (task["name"], takes, str(task.get("doc", "")).partition("\n")[0] or task.get("title", ""))
