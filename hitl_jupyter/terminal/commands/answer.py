"""``jupyter hitl answer``."""

from __future__ import annotations

import click

from hitl_jupyter.errors import AlreadySettled, UnclearTarget
from hitl_jupyter.notebook.prompting import prompt
from hitl_jupyter.protocol import Answers, RequestResolved
from hitl_jupyter.terminal.answering import Answering, Given, read_value, settled_by
from hitl_jupyter.terminal.connection import Line, connected
from hitl_jupyter.terminal.targets import choose
from hitl_jupyter.wording import answer as worded


@click.command("answer")
@connected
@click.argument("session_id", metavar="ID")
@click.option("--key", help="Which question, by its key; a retry's is `retry`.")
@click.option("--request", "request_id", metavar="REQUEST_ID", help="Which question, by its id.")
@click.option("--value", metavar="JSON|@FILE|-", help="The answer; from a file, or from the standard input.")
@click.option("--yes/--no", "yes", default=None, help="The answer to a confirmation or a retry.")
@click.option("--reuse/--ask", "reuse", default=None, help="Take the forms given before into the next attempt, or not.")
@click.option("--comment", help="A remark that is kept with a confirmation.")
def command(
    line: Line,
    session_id: str,
    key: str | None,
    request_id: str | None,
    value: str | None,
    yes: bool | None,
    reuse: bool | None,
    comment: str | None,
) -> None:
    """Answer an open question: asked here, field by field, or given with --value, --yes or --no.

    ID may be the first 4 characters or more. A secret is asked for, or read from a file or the standard input: what
    stands in a command line is there for everybody on the machine to read.
    """
    given = _given(value, yes)
    found = line.session(session_id)
    snapshot = line.host.snapshot(found)
    request = choose(line, snapshot, key, request_id, asks=given is None)
    answers: Answers | None = None if reuse is None else "reuse" if reuse else "ask"
    answering = Answering(line, found, request, answers, comment)
    try:
        settled = answering.give(given) if given is not None else _ask(line, answering)
    except AlreadySettled as error:
        raise settled_by(error) from None
    _say(line, settled)


def _given(value: str | None, yes: bool | None) -> Given | None:
    if value is not None and yes is not None:
        raise click.UsageError("--value and --yes or --no are two answers: give one of them.")
    if yes is not None:
        return Given(value=yes)
    return None if value is None else read_value(value)


def _ask(line: Line, answering: Answering) -> RequestResolved:
    if not line.screen.asks:
        raise click.UsageError("There is no terminal to ask at: give the answer with --value, --yes or --no.")
    screen = line.screen
    try:
        prompt(answering.request, screen.read, screen.read_secret, answering.take, screen.tell)
    except EOFError:
        screen.note("\nNothing was answered.")
        raise click.Abort from None
    if answering.settled is None:
        raise UnclearTarget("Nothing was answered. Look at the session again.")
    return answering.settled


def _say(line: Line, settled: RequestResolved) -> None:
    if line.screen.as_json:
        line.screen.value(settled)
    else:
        line.screen.say(f"= {worded(settled.outcome, settled.value)}", "green")
