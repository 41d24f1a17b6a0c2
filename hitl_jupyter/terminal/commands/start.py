"""``jupyter hitl start``."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import click

from hitl_jupyter.errors import LaunchFailed
from hitl_jupyter.notebook.watch import Watch
from hitl_jupyter.protocol import StartTask
from hitl_jupyter.snapshot import Snapshot
from hitl_jupyter.terminal.connection import Line, connected
from hitl_jupyter.terminal.exits import INTERRUPTED, exit_code_of
from hitl_jupyter.terminal.parameters import parse_parameters, read_json
from hitl_jupyter.terminal.view import follow, how_to_answer
from hitl_jupyter.wording import headline, json_text

WAKE_SECONDS = 3600.0
"""How long one wait for news is; then the next begins."""


@click.command("start")
@connected
@click.argument("task", metavar="NAME")
@click.option("--param", "-p", "given", multiple=True, metavar="NAME=VALUE", help="A parameter; may be repeated.")
@click.option("--params", "source", metavar="FILE", help="Parameters as a JSON object; - for the standard input.")
@click.option("--title", help="What people read above the session.")
@click.option("--key", help="A name: starting again with it attaches to the session that lives or succeeded.")
@click.option("--fresh", is_flag=True, help="Start anew even so.")
@click.option("--wait", is_flag=True, help="Wait for the end, and print the result.")
@click.option("--follow", "follows", is_flag=True, help="Show it as it goes, until its end.")
def command(
    line: Line,
    /,
    task: str,
    given: tuple[str, ...],
    source: str | None,
    wait: bool,
    follows: bool,
    **how: Any,
) -> int | None:
    """Start a task, and print the session's id. NAME is one that `jupyter hitl tasks` lists, or its part behind the
    colon where only one ends so, or any module:function that the server can import.

    A VALUE is read as the task's parameter has its type; where that is not known, as JSON if it is JSON, else as text.
    An interrupt while waiting leaves the session alone.
    """
    if wait and follows:
        raise click.UsageError("--wait prints the end, --follow all of it: give one of them.")
    name, schema = _found(line, task) if given or ":" not in task else (task, None)
    parameters = {**_read(source), **parse_parameters(given, schema)}
    session_id = line.host.start(StartTask(task=name, params=parameters, idempotency_key=uuid4().hex, **how))
    if not wait and not follows:
        line.screen.value({"session_id": session_id}) if line.screen.as_json else line.screen.say(session_id)
        return None
    line.screen.note(f"session {session_id}")
    try:
        ended = follow(line, session_id) if follows else _wait(line, session_id)
    except KeyboardInterrupt:
        line.screen.note(f"\nThe session goes on: jupyter hitl show {line.shown_id(session_id)} --follow")
        return INTERRUPTED
    if wait:
        _print_end(line, ended)
    return exit_code_of(ended.status)


def _read(source: str | None) -> dict[str, Any]:
    if source is None:
        return {}
    parameters = read_json(source, "--params")
    if not isinstance(parameters, dict):
        raise click.BadParameter("it is not a JSON object of parameters by name.", param_hint="--params")
    return parameters


def _found(line: Line, name: str) -> tuple[str, dict[str, Any] | None]:
    """A task's whole name, and the schema of its parameters, if the server knows one."""
    try:
        tasks = line.client.get("tasks")["tasks"]
    except LaunchFailed:  # it lists none now; a task that is named in full may start all the same
        return name, None
    schemas = {task["name"]: task.get("schema") for task in tasks}
    found = [whole for whole in schemas if name in (whole, whole.rpartition(":")[2])]
    if len(found) > 1:
        raise click.BadParameter(f"several tasks are called so: {', '.join(found)}. Give the whole name.")
    whole = found[0] if found else name
    return whole, schemas.get(whole)


def _wait(line: Line, session_id: str) -> Snapshot:
    """Wait for the end; who waits is told, once each, what the session waits for."""
    told: set[str] = set()

    def has_news(snapshot: Snapshot) -> bool:
        return snapshot.ended or any(request.request_id not in told for request in snapshot.open_requests)

    with Watch(line.host, session_id) as watch:
        while True:
            if not watch.wait_until(has_news, WAKE_SECONDS):
                continue
            snapshot = watch.snapshot
            if snapshot.ended:
                return snapshot
            for request in snapshot.open_requests:
                if request.request_id not in told:
                    told.add(request.request_id or "")
                    line.screen.note(f"It waits for an answer: {how_to_answer(line, snapshot, request)}")


def _print_end(line: Line, ended: Snapshot) -> None:
    if line.screen.as_json:
        line.screen.value(
            {
                "session_id": ended.session_id,
                "status": ended.status,
                "values": ended.values,
                "error": ended.error,
                "cancelled": ended.cancelled,
            }
        )
    elif ended.status == "completed":
        line.screen.say(json_text(ended.values, indent=2))
    else:
        line.screen.note(headline(ended), "red")
