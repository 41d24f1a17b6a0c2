"""What a durable attempt calls, held to what it called before: finished steps and questions, in order.

A durable task runs again from its top after its process was lost or let go. A call that was recorded is then not made
again: a step gives its result, a question its answer, or it is the same open question still. A call with a key is known
by kind, key and occurrence; one without by its place among those, and it must be the same call there, for else results
would land where they do not belong.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct

from hitl_jupyter.errors import ReplayMismatch, WrongState
from hitl_jupyter.link.messages import Called, Recorded, WorkerEvent

if TYPE_CHECKING:
    from collections.abc import Iterator

_in_step: ContextVar[str | None] = ContextVar("hitl_step", default=None)


class Results(Protocol):
    """Where the results of finished steps are kept: durably, before a step counts as finished."""

    def load(self, name: str) -> Kept | None:
        """What is kept under that name, or None where there is nothing."""

    def save(self, name: str, kept: Kept) -> None:
        """Keep it; raises ``NotShippable`` where it cannot be pickled, ``StoreUnavailable`` where it cannot be kept."""

    def save_again(self, name: str, other: str) -> None:
        """Keep what has one name under another, too."""


class Kept(Struct, frozen=True):
    """What a step came to: its value, which may be None, or the error that it raised."""

    value: Any = None
    error: Exception | None = None

    def give(self) -> Any:
        """The value, or the error raised again."""
        if self.error is not None:
            raise self.error
        return self.value


class Call(Struct, frozen=True):
    """One call of this run, and what was recorded of it before."""

    name: str
    place: int | None
    recorded: Recorded | None = None
    key: str | None = None

    @property
    def identity(self) -> str:
        """By which its result is kept."""
        return self.name if self.place is None else f"{self.place}. {self.name}"


class Calls:
    """The calls of one run.

    Parameters
    ----------
    emit : callable
        Tells the host of a call.
    results : Results
        Of finished steps.
    recorded : sequence of Recorded
        What earlier processes of the attempt called, in order.
    attempt : int
        Which one this is. Steps that have a key are taken over from earlier attempts; what has none is done again, for
        its place says nothing of another run.
    before_record : callable
        Called before a call is recorded: what the task printed before has to be on its way by then.
    caught_up : callable
        Called once, when nothing of ``recorded`` is left to come: from here on the task says what is new.
    """

    def __init__(
        self,
        emit: Callable[[WorkerEvent], None],
        results: Results,
        recorded: Sequence[Recorded] = (),
        *,
        attempt: int = 1,
        before_record: Callable[[], None],
        caught_up: Callable[[], None],
    ) -> None:
        self._emit = emit
        self._results = results
        self._attempt = attempt
        self._finished: Counter[str] = Counter()
        self._by_place = {each.call.place: each for each in recorded if each.call.place is not None}
        self._by_name = {each.call.name: each for each in recorded if each.call.place is None}
        self._to_come = {each.call.number for each in recorded}
        self._numbered = max(self._to_come, default=0)
        self._places = 0
        self._named: Counter[str] = Counter()
        self._before_record = before_record
        self._caught_up = caught_up
        self._lock = threading.RLock()

    def begin(self, kind: str, text: str, key: str | None) -> Call:
        """The next call of the run.

        Raises
        ------
        ReplayMismatch
            An earlier process of the attempt made another call at this place.
        """
        with self._lock:
            call = self._unkeyed(f"{kind} {text!r}") if key is None else self._keyed(f"{kind} with the key {key!r}")
        if call.recorded is not None:
            self._pass(call.recorded)
        return call

    def _unkeyed(self, name: str) -> Call:
        self._places += 1
        recorded = self._by_place.get(self._places)
        if recorded is not None and recorded.call.name != name:
            raise ReplayMismatch(
                f"Call {self._places} of this durable task was {recorded.call.name} before, and is {name} now. A task "
                "that runs again must make its calls without a key in the same order: give calls that may move a key.",
                before=recorded.call.name,
                now=name,
            )
        return Call(name, self._places, recorded)

    def _keyed(self, name: str) -> Call:
        self._named[name] += 1
        key = name
        if (occurrence := self._named[name]) > 1:
            name = f"{name} ({occurrence})"
        return Call(name, None, self._by_name.get(name), key)

    def will_repeat(self, kind: str, text: str) -> bool:
        """Whether the next call without a key was recorded as this one."""
        recorded = self._by_place.get(self._places + 1)
        return recorded is not None and recorded.call.name == f"{kind} {text!r}"

    def record(self, call: Call, request_id: str | None = None) -> None:
        """Tell the host of a call: a step that has finished, or a question that is asked next."""
        self._before_record()
        with self._lock:
            if call.recorded is None:
                self._numbered += 1
                self._catch_up()
            number = self._numbered if call.recorded is None else call.recorded.call.number
            self._emit(Called(number=number, name=call.name, place=call.place, request_id=request_id))

    def keep(self, call: Call, kept: Kept) -> None:
        """Keep what a step came to, and record the step as finished."""
        self._results.save(self._own(call), kept)
        if call.key is not None and kept.error is None:
            self._results.save_again(self._own(call), self._next_of(call.key))
        self.record(call)
        self.finished(call, kept)

    def kept(self, call: Call) -> Kept | None:
        """What a call of this attempt came to: what counts is that it is kept, recorded or not."""
        return self._results.load(self._own(call))

    def taken_over(self, call: Call) -> Kept | None:
        """What a step with this key came to in an earlier attempt, the first time that this one has not had yet."""
        return None if call.key is None else self._results.load(self._next_of(call.key))

    def finished(self, call: Call, kept: Kept) -> None:
        """Count a step of this key that has come to a value."""
        if call.key is not None and kept.error is None:
            self._finished[call.key] += 1

    def _own(self, call: Call) -> str:
        return f"{self._attempt}: {call.identity}"

    def _next_of(self, key: str) -> str:
        return f"{key} → {self._finished[key] + 1}"

    def _pass(self, recorded: Recorded) -> None:
        with self._lock:
            last = self._to_come == {recorded.call.number}
            self._to_come.discard(recorded.call.number)
        if last:
            self._before_record()
            self._caught_up()

    def _catch_up(self) -> None:
        """A new call: whatever of the record is still to come, the task says something new now."""
        if self._to_come:
            self._to_come.clear()
            self._caught_up()


@contextmanager
def inside_step(name: str) -> Iterator[None]:
    """While this lasts, the code that runs is a step's."""
    token = _in_step.set(name)
    try:
        yield
    finally:
        _in_step.reset(token)


def refuse_inside_step(what: str) -> None:
    """Raise ``WrongState`` in a step: when the step has finished, nothing in it happens again, no question either."""
    if (name := _in_step.get()) is not None:
        raise WrongState(f"A step cannot {what}: {name} did. Do that between steps, in the task's own body.")
