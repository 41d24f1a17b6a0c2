"""From what a person gives in a terminal to a settled request."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import click
from msgspec import Struct

from hitl_jupyter.errors import AlreadySettled
from hitl_jupyter.masking import secret_texts
from hitl_jupyter.notebook.prompting import ask_yes_or_no
from hitl_jupyter.protocol import AnswerCommand, Answers, Confirm, RequestResolved, RequestUserInput, TaskFailed
from hitl_jupyter.questions import command_for, question_of
from hitl_jupyter.snapshot import OpenRequest
from hitl_jupyter.terminal.connection import Line
from hitl_jupyter.terminal.durations import ago, at
from hitl_jupyter.terminal.parameters import parse_value
from hitl_jupyter.wording import answer

_YES_OR_NO = {"type": "boolean"}


class Given(Struct, frozen=True, kw_only=True):
    """An answer of a command line: a value as it is, or a text that is still to be read as one."""

    value: bool | None = None
    text: str | None = None
    in_argv: bool = False


def read_value(argument: str) -> Given:
    """What ``--value`` says: the text itself, that of ``@file``, or for ``-`` the standard input's.

    Raises
    ------
    click.BadParameter
        The file cannot be read.
    """
    if argument != "-" and not argument.startswith("@"):
        return Given(text=argument, in_argv=True)
    try:
        text = sys.stdin.read() if argument == "-" else Path(argument[1:]).read_text()
    except (OSError, UnicodeError) as error:
        raise click.BadParameter(f"it cannot be read: {error}", param_hint="--value") from None
    return Given(text=text.removesuffix("\n"))


class Answering:
    """One question, until it is settled.

    Attributes
    ----------
    settled : RequestResolved or None
        What became of it.
    """

    def __init__(
        self, line: Line, session_id: str, request: OpenRequest, answers: Answers | None, comment: str | None
    ) -> None:
        if answers is not None and not isinstance(request, TaskFailed):
            raise click.UsageError("--reuse and --ask are for a retry, and this is none.")
        self.request = request
        self.settled: RequestResolved | None = None
        self._line = line
        self._session_id = session_id
        self._answers = answers
        self._comment = comment

    def give(self, given: Given) -> RequestResolved:
        """Answer without asking anybody."""
        command = self._command(self._value(given))
        if given.in_argv and isinstance(self.request, RequestUserInput):
            self._refuse_secrets(command)
        return self._line.host.answer(self._session_id, command)

    def take(self, value: Any) -> None:
        """Answer with what somebody typed; raises what the server refuses with."""
        if self._answers is None and value is True and _begins_anew(self.request):
            self._line.screen.tell("Take over the forms that were given before?")
            again = ask_yes_or_no(self._line.screen.read, self._line.screen.tell, True)
            self._answers = "reuse" if again else "ask"
        self.settled = self._line.host.answer(self._session_id, self._command(value))

    def _value(self, given: Given) -> Any:
        if given.text is None:
            if isinstance(self.request, RequestUserInput):
                raise click.UsageError("This question is a form: answer it with --value, or without it to be asked.")
            return given.value
        if not isinstance(self.request, RequestUserInput):
            return parse_value(given.text.strip(), _YES_OR_NO)
        properties = self.request.schema.get("properties") or {}
        alone = next(iter(properties.values())) if len(properties) == 1 else None
        return parse_value(given.text, None if given.text.lstrip().startswith("{") else alone)

    def _command(self, value: Any) -> AnswerCommand:
        command = command_for(question_of(self.request), value, self._answers or "reuse")
        if self._comment is not None:
            if not isinstance(command, Confirm):
                raise click.UsageError("--comment is for a confirmation, and this is none.")
            command.comment = self._comment
        return command

    def _refuse_secrets(self, command: AnswerCommand) -> None:
        schema = self.request.schema if isinstance(self.request, RequestUserInput) else {}
        if secret_texts(getattr(command, "values", {}), schema):
            raise click.BadParameter(
                "there is a secret in it, and what stands in a command line is there for everybody on this machine to "
                "read. Leave --value out to be asked, or give it with --value @FILE or --value -.",
                param_hint="--value",
            )


def settled_by(error: AlreadySettled) -> AlreadySettled:
    """The refusal with who settled the question, when, and how."""
    facts = error.details
    said = answer(facts.get("outcome", "answered"), facts.get("value"))
    who = facts.get("by") or f"somebody ({facts.get('via')})"
    moment = facts.get("at") or 0.0
    when = f" at {at(moment)}, {ago(time.time() - moment)} ago" if moment else ""
    sentence = f"Somebody else was first: {said}, by {who}{when}. Look at the session again."
    return AlreadySettled(sentence, **facts)


def _begins_anew(request: OpenRequest) -> bool:
    """Whether a retry is a whole new attempt, which may ask its forms again."""
    return isinstance(request, TaskFailed) and request.ends_attempt
