"""What both contexts share: everything but the waiting.

A question is prepared here as a :class:`Pending`: the event that asks it, and what turns the answer into the author's
value. The contexts differ in how they wait in between.
"""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import AsyncIterable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime, timedelta
from typing import Any, TypeVar, overload

from hitl_jupyter.author.calls import Calls, Kept
from hitl_jupyter.author.channel import Answer, Channel, Check
from hitl_jupyter.author.evidence import describe, evidence, fit
from hitl_jupyter.author.idle import Idle
from hitl_jupyter.author.progress import ProgressBar
from hitl_jupyter.author.recall import Pending, Step, begun, recalled
from hitl_jupyter.author.text import pieces, sendable
from hitl_jupyter.author.tracebacks import error_text, error_type, format_error
from hitl_jupyter.author.wall_clock import WALL_CLOCK, WallClock
from hitl_jupyter.errors import DeadlineExpired, HitlError, InvalidValues, NotShippable, WrongState
from hitl_jupyter.masking import has_secrets, without_secrets
from hitl_jupyter.projection import project
from hitl_jupyter.protocol import Display, OnDeadline, RequestConfirmation, RequestUserInput, Stream, TaskFailed

Deadline = float | timedelta | datetime | None
"""Seconds from now, or a moment (a naive one is local time)."""

SHORT = 16 * 1024
"""Characters that fit into one event whatever they are."""

UNSET: Any = object()
"""No default was given; None is one."""

_T = TypeVar("_T")


class Core:
    """The half of a context that does not wait.

    Parameters
    ----------
    channel : Channel
        Where events go and answers come from.
    attempt, max_retries, retries : int
        Which attempt this is; how many retries are allowed, and how many were used before it.
    reuse : mapping, optional
        What earlier attempts were answered, in order: a question's key, or message where it has none → values.
    calls : Calls, optional
        Of a durable task: what it called before, and calls now.
    idle : Idle, optional
        Told when the task waits, and when it works.
    clock : WallClock
        What deadlines and pauses go by.
    """

    def __init__(
        self,
        channel: Channel,
        *,
        attempt: int = 1,
        max_retries: int = 0,
        retries: int = 0,
        reuse: Mapping[str, Sequence[Any]] | None = None,
        calls: Calls | None = None,
        idle: Idle | None = None,
        clock: WallClock = WALL_CLOCK,
    ) -> None:
        self._channel = channel
        self._clock = clock
        self._now = clock.now
        self._emit = channel.emit
        self._attempt = attempt
        self._max_retries = max_retries
        self._retries = retries
        self._reuse = dict(reuse or {})
        self._calls = calls
        self._idle = idle or Idle()
        self._asked: Counter[str] = Counter()
        self._bars = itertools.count(1)
        self._declined: list[BaseException] = []

    def __reduce__(self) -> Any:
        raise NotShippable(
            "The context stays in the task's own process: give other processes plain values, print there (it is "
            "captured), and call ctx here."
        )

    # -- telling ------------------------------------------------------------------------------------------------

    def stream(self, *parts: object, level: str | None = None) -> None:
        """Show a line, built from the parts as ``print`` does.

        Parameters
        ----------
        *parts : object
            Joined with spaces. More than 64 KiB goes out in several events.
        level : str, optional
            ``"debug"``, ``"info"``, ``"warning"`` or ``"error"``.

        Examples
        --------
        >>> ctx.stream("epoch", 3, "loss", 0.25)  # doctest: +SKIP
        """
        if self._channel.cancelled:
            self._stopping()
        content = parts[0] if len(parts) == 1 and type(parts[0]) is str else " ".join(map(str, parts))
        if level is None and len(content) < SHORT and content.isascii():
            self._emit(Stream(content=content, timestamp=self._now()))
        else:
            for piece in pieces(content):
                event = Stream(content=piece, timestamp=self._now())
                if level is not None:
                    event.level = sendable(level)
                self._emit(event)

    def display(self, value: Any, *, display_id: str | None = None) -> None:
        """Show an object richly, as ``display(value)`` does in a cell: a table, a figure, an image.

        Parameters
        ----------
        value : Any
            Anything with a notebook representation; at most 5 MiB of it is shown.
        display_id : str, optional
            Showing another value under the same id replaces the first.
        """
        if self._channel.cancelled:
            self._stopping()
        data, metadata = describe(value)
        event = Display(data=fit([data])[0], display_id=display_id, timestamp=self._now())
        if metadata:
            event.metadata = project(metadata)
        self._emit(event)

    @overload
    def progress(self, iterable: None = None, label: str = "", *, total: float | None = None) -> ProgressBar[Any]: ...
    @overload
    def progress(
        self, iterable: Iterable[_T] | AsyncIterable[_T], label: str = "", *, total: float | None = None
    ) -> ProgressBar[_T]: ...
    def progress(
        self,
        iterable: Iterable[_T] | AsyncIterable[_T] | None = None,
        label: str = "",
        *,
        total: float | None = None,
    ) -> Any:
        """A progress bar: around an iterable, or (with ``total``) moved by hand with ``update(n)`` and ``close()``.

        Parameters
        ----------
        iterable : iterable, optional
            ``for item in ctx.progress(items, "reading")``, or ``async for``.
        label : str
            What people read beside the bar.
        total : float, optional
            How many items there will be, where the iterable does not know it.

        Examples
        --------
        >>> with ctx.progress(label="upload", total=size) as bar:  # doctest: +SKIP
        ...     bar.update(len(chunk))
        """
        return ProgressBar(
            self._emit, f"{self._attempt}.{next(self._bars)}", iterable, sendable(label), total, self._check
        )

    def _check(self) -> None:
        if self._channel.cancelled:
            self._stopping()

    def _stopping(self) -> None:
        """Somebody cancelled; what that means is the context's own."""

    # -- asking -------------------------------------------------------------------------------------------------

    def _confirmation(
        self,
        message: str,
        key: str | None,
        show: Any,
        default: bool | None,
        deadline: Deadline,
        on_deadline: OnDeadline,
        assignees: Sequence[str],
    ) -> Pending:
        check_default(on_deadline, default is not None)
        question = RequestConfirmation(
            request_id=new_id(),
            key=key,
            message=sendable(str(message)),
            default=default,
            deadline=epoch(deadline, self._now()),
            on_deadline=on_deadline,
            evidence=evidence(show),
            assignees=list(assignees),
            timestamp=self._now(),
        )
        pending = Pending(question, lambda answer: bool(settled(answer, message, default)))
        return recalled(self._calls, pending, "confirm", message, key)

    def _form(
        self,
        form: Any,
        message: str,
        key: str | None,
        show: Any,
        default: Any,
        deadline: Deadline,
        on_deadline: OnDeadline,
        assignees: Sequence[str],
    ) -> Pending:
        check_default(on_deadline, default is not UNSET)
        check = Checked(form.check)
        question = RequestUserInput(
            request_id=new_id(),
            key=key,
            message=sendable(str(message)),
            default=None if default is UNSET else _values(form, default),
            deadline=epoch(deadline, self._now()),
            on_deadline=on_deadline,
            evidence=evidence(show),
            assignees=list(assignees),
            fields=form.fields,
            schema=form.schema,
            ui_schema=form.ui_schema,
            initial=form.initial,
            timestamp=self._now(),
        )

        def settle(answer: Answer) -> Any:
            if answer.outcome == "defaulted":
                return default
            return check(settled(answer, message))

        pending = Pending(question, settle, check)
        given = self._given(form, check, message, key)
        secret = has_secrets(form.schema)
        return recalled(self._calls, pending, "ask", message, key, secret=secret, given=given)

    def _given(self, form: Any, check: Check, message: str, key: str | None) -> Kept | None:
        """The values of an earlier attempt, if there are some for this occurrence, and they still hold."""
        name = key or message
        given = self._reuse.get(name, ())
        at = self._asked[name]
        self._asked[name] += 1
        if at >= len(given) or has_secrets(form.schema):
            return None
        try:
            check(given[at])
        except InvalidValues:
            return None
        note = f"Answered in an earlier attempt, and not asked again: {message or name}"
        self._emit(Stream(content=sendable(note), source="log", level="info", timestamp=self._now()))
        return Kept(given[at])

    def _begin_step(self, function: Callable[..., Any], key: str | None) -> Step:
        self._check()
        return begun(self._calls, getattr(function, "__qualname__", type(function).__name__), key)

    def _finish_step(self, step: Step, kept: Kept) -> None:
        if self._calls is not None and step.call is not None:
            self._calls.keep(step.call, kept)

    # -- retrying -----------------------------------------------------------------------------------------------

    def _retry(self, error: BaseException) -> Pending:
        kind = error_type(error)
        repeats = self._calls is not None and self._calls.will_repeat("retry", kind)
        if self._retries >= self._max_retries and not repeats:
            self._declined.append(error)
            return Pending(None, lambda answer: False)
        question = TaskFailed(
            error=sendable(error_text(error)),
            error_type=kind,
            traceback=sendable(format_error(error)),
            can_retry=True,
            max_retries=self._max_retries,
            retries=self._retries,
            ends_attempt=False,
            request_id=new_id(),
            timestamp=self._now(),
        )

        def settle(answer: Answer) -> bool:
            granted = bool(settled(answer, "Retry?"))
            if not granted:
                self._declined.append(error)
            elif asked.question is not None:  # those granted before are counted already
                self._retries += 1
            return granted

        asked = recalled(self._calls, Pending(question, settle), "retry", kind, None)
        return asked

    def declined(self, error: BaseException | None) -> bool:
        """Whether a retry of this error, or of what caused it, was declined, or refused because none was left."""
        while error is not None:
            if any(error is each for each in self._declined):
                return True
            error = error.__cause__ or error.__context__
        return False

    def _ask(self, pending: Pending) -> Future[Answer]:
        assert pending.question is not None
        return self._channel.ask(pending.question, pending.check)


class Checked:
    """A form's check that remembers the last values it passed, so that the author's validators run once an answer."""

    def __init__(self, check: Check) -> None:
        self._check = check
        self._last: tuple[Any, Any] | None = None

    def __call__(self, values: dict[str, Any]) -> Any:
        if self._last is None or self._last[0] != values:
            self._last = (values, self._check(values))
        return self._last[1]


NOBODY = Answer(outcome="answered")
"""Given to a Pending that asks nothing."""


def new_id() -> str:
    """A request's id: 128 random bits."""
    return os.urandom(16).hex()


def epoch(deadline: Deadline, now: float) -> float | None:
    """A deadline as epoch seconds.

    Examples
    --------
    >>> from datetime import timezone
    >>> epoch(datetime(2030, 1, 1, tzinfo=timezone.utc), 0.0), epoch(timedelta(minutes=1), 1000.0)
    (1893456000.0, 1060.0)
    """
    if deadline is None:
        return None
    if isinstance(deadline, datetime):
        return deadline.timestamp()
    if isinstance(deadline, timedelta):
        return now + deadline.total_seconds()
    return now + deadline


def _values(form: Any, default: Any) -> dict[str, Any]:
    """A default as the form's values, for whoever reads what a deadline decided; without its secrets."""
    shown = project(default)
    values = shown if isinstance(shown, dict) else {"value": shown}
    public: dict[str, Any] = without_secrets(values, form.schema)
    return public


def settled(answer: Answer, message: str, default: Any = None) -> Any:
    """The value of an answer, or the error that its outcome means."""
    if answer.outcome == "answered":
        return answer.value
    if answer.outcome == "defaulted":
        return default
    if answer.outcome == "expired":
        raise DeadlineExpired(
            f"Nobody answered {message!r} in time. Give the question a later deadline, or on_deadline='default'."
        )
    raise _not_answered(answer, message)


def _not_answered(answer: Answer, message: str) -> HitlError:
    if answer.outcome == "superseded":
        text = f"{message!r} was asked again under the same key: give questions that are open together their own keys."
    else:
        text = f"{message!r} was withdrawn before it was answered: ask again, or end the task."
    return WrongState(text, outcome=answer.outcome)


def check_default(on_deadline: OnDeadline, given: bool) -> None:
    if on_deadline == "default" and not given:
        raise ValueError("on_deadline='default' needs a default: pass default=, the value to go on with.")
