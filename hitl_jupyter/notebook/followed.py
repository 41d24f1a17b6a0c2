"""One session of this process, followed by a thread of its own that gives its scripted answers and has it recorded.

The thread ends with the session. Where nobody is there, a question that no script answers ends the session, but only
while somebody waits for its end: until then a later cell may still answer it.
"""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from msgspec import Struct

from hitl_jupyter.errors import (
    AlreadySettled,
    Expired,
    HitlError,
    InvalidValues,
    NoAnswer,
    NotFound,
    StoreUnavailable,
    UnclearTarget,
    WorkerUnavailable,
    WrongState,
)
from hitl_jupyter.notebook import layers
from hitl_jupyter.notebook.embedded import EmbeddedHost
from hitl_jupyter.notebook.host import Host
from hitl_jupyter.notebook.recorder import recorders
from hitl_jupyter.notebook.watch import Folding
from hitl_jupyter.protocol import Confirm
from hitl_jupyter.questions import Question, command_for, question_of
from hitl_jupyter.scripts.missing import missing
from hitl_jupyter.scripts.script import Found, Script
from hitl_jupyter.snapshot import Snapshot

PAUSES = (0.1, 0.3, 1.0, 3.0)
"""Seconds between tries while the process that checks an answer is not connected, or the journal cannot write."""

SCRIPTED = "scripted"
"""The comment beside a confirmation that a script gave."""

LATE = (AlreadySettled, Expired, NotFound, UnclearTarget, WrongState)
"""Somebody else was first, or the session is over: there is nothing left to answer."""

LEFT = "The block of hitl.answers that spoke of it was left: wait for the session inside of it."

_DECLINED = Found(False)


class _Pending(Struct, frozen=True):
    """A question that no script answered, when it was looked at last."""

    looked: int
    error: HitlError


class Followed:
    """One session, followed for its questions. A :class:`~hitl_jupyter.notebook.host.Follower`."""

    def __init__(self, host: Host, session_id: str, nobody: bool, own: Script | None = None) -> None:
        self.session_id = session_id
        self.error: HitlError | None = None
        self._began = time.monotonic()
        self._host = host
        self._own = own
        self.nobody = nobody
        self._folding = Folding()
        self._changed = threading.Condition()
        self._news = False
        self._gone = False
        self._waiting = 0
        self._looks = 0
        self._done: set[str] = set()
        self._pending: dict[str, _Pending] = {}
        self._following = host.follow(session_id, self)
        self._thread = threading.Thread(target=self._run, name=f"hitl-answers-{session_id}", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the session may still ask something."""
        return self._thread.is_alive()

    def join(self, seconds: float) -> None:
        """Wait until it has been done with."""
        if threading.current_thread() is not self._thread:
            self._thread.join(seconds)

    def look_again(self) -> None:
        """Other scripts are in force now."""
        with self._changed:
            self._looks += 1
            self._wake()

    def wait_begins(self) -> None:
        """Somebody waits for its end."""
        with self._changed:
            self._waiting += 1
            self._wake()

    def wait_ends(self) -> None:
        """Somebody waits no more."""
        with self._changed:
            self._waiting -= 1

    # -- Follower, on the following thread

    def query(self) -> Mapping[str, Any]:
        """The snapshot, and no more history than it takes to get one."""
        return {"tail": 1}

    def frame(self, data: bytes) -> None:
        """Fold it in."""
        with self._changed:
            self._folding.take(data)
            self._wake()

    def gone(self, error: HitlError) -> None:
        """It cannot be followed; whoever waits for it is told by its own watch."""
        with self._changed:
            self._gone = True
            self._wake()

    # -- on its own thread

    def _wake(self) -> None:
        self._news = True
        self._changed.notify_all()

    def _run(self) -> None:
        try:
            with self._following:
                while (snapshot := self._next_snapshot()) is not None and not snapshot.ended:
                    self._attend(snapshot)
            if snapshot is not None:
                self._record()
        except HitlError as error:
            self._fail(error)
        except Exception as error:  # whatever it is, nobody may wait for ever for a thread that is gone
            self._fail(HitlError(f"The scripted answers broke down ({type(error).__name__}: {error}). Correct them."))

    def _record(self) -> None:
        for recorder in recorders():
            try:
                recorder.end(self.session_id)
            except (OSError, HitlError) as error:
                _tell(f"The answers were not recorded: {error}")

    def _next_snapshot(self) -> Snapshot | None:
        with self._changed:
            self._changed.wait_for(lambda: self._news)
            self._news = False
            return None if self._gone else self._folding.snapshot

    def _attend(self, snapshot: Snapshot) -> None:
        title = snapshot.session.title if snapshot.session else None
        for request in snapshot.open_requests:
            if self.error is not None:
                return
            if request.request_id not in self._done:
                self._attend_to(question_of(request, title))

    def _attend_to(self, question: Question) -> None:
        pending = self._pending.get(question.request_id)
        if pending is None or pending.looked != self._looks:
            pending = self._look(question)
        if pending is None or not (self.nobody and self._waiting):
            return
        if question.kind == "retry" and not isinstance(pending.error.__cause__, Exception):
            self._give(question, _DECLINED, None)  # the error itself says more than that nobody was there to ask
        else:
            self._fail(pending.error)

    def _look(self, question: Question) -> _Pending | None:
        """Answer it, if a script does; else keep it."""
        looks = self._looks
        try:
            found = layers.find(question, self._own)
        except NoAnswer as error:
            return self._keep(question, looks, error)
        except HitlError as error:
            self._refused(question, error)
            return None
        if found is None:
            left = "The block of hitl.answers that spoke of it was left: wait for the session inside of it."
            return self._keep(
                question, looks, missing(question, left if layers.left_since(self._began, question) else "")
            )
        self._give(question, *found)
        return None

    def _keep(self, question: Question, looks: int, error: NoAnswer) -> _Pending:
        if error.__cause__ is not None and not self.nobody:
            _tell(f"{error} It is left to you.")
        kept = self._pending[question.request_id] = _Pending(looks, error)
        return kept

    def _give(self, question: Question, found: Found, script: Script | None) -> None:
        self._done.add(question.request_id)
        try:
            command = command_for(question, found.value, found.answers)
            if isinstance(command, Confirm):
                command.comment = SCRIPTED
            for pause in (*PAUSES, None):
                try:
                    self._host.answer(self.session_id, command)
                    return
                except (WorkerUnavailable, StoreUnavailable):
                    if pause is None:
                        raise
                time.sleep(pause)
        except LATE:
            return
        except InvalidValues as error:
            self._refused(question, _not_valid(question, error, script))
        except HitlError as error:
            self._refused(question, error)

    def _refused(self, question: Question, error: HitlError) -> None:
        self._done.add(question.request_id)
        if self.nobody:
            self._fail(error)
        else:
            _tell(f"{error} The question is left to you.")

    def _fail(self, error: HitlError) -> None:
        """End the session: whoever waits for it gets this error."""
        self.error = self.error or error
        if not self.nobody:
            _tell(str(error))
            return
        with suppress(HitlError):
            if isinstance(self._host, EmbeddedHost):
                self._host.cancel(self.session_id, reason=error.code, detail=str(error))
            else:
                self._host.cancel(self.session_id)


def _tell(sentence: str) -> None:
    """Warn, from a thread that goes on even where warnings are errors."""
    with suppress(Warning):
        warnings.warn(sentence, stacklevel=3)


def _not_valid(question: Question, error: InvalidValues, script: Script | None) -> InvalidValues:
    errors = error.details.get("errors", [])
    told = "; ".join(": ".join(filter(None, (each["field"], each["message"]))) for each in errors) or str(error)
    where = f" in {script.file}" if script is not None and script.file else ""
    return InvalidValues(
        f"The scripted answer to {question!r} is not valid: {told} Correct {question.name!r}{where}.",
        key=question.key,
        question=question.message,
        errors=errors,
    )
