"""Answer this process's sessions from scripts, and record what people answer.

Each session that needs it is followed by a thread of its own. It gives answers by the way that everybody's answers
take, so they are checked alike.
"""

from __future__ import annotations

import copy
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from hitl_jupyter.errors import HitlError
from hitl_jupyter.notebook import layers
from hitl_jupyter.notebook.attendance import is_unattended
from hitl_jupyter.notebook.embedded import EmbeddedHost
from hitl_jupyter.notebook.followed import Followed
from hitl_jupyter.notebook.host import Host
from hitl_jupyter.notebook.hosts import current_host
from hitl_jupyter.notebook.recorder import recorders
from hitl_jupyter.protocol import StartTask
from hitl_jupyter.scripts.script import Script
from hitl_jupyter.snapshot import Snapshot
from hitl_jupyter.states import LIVE

LAST_SECONDS = 10.0
"""How long who waited for a session waits for its answers to be recorded, once it has ended."""


def start(host: Host, request: StartTask, own: Script | None = None) -> str:
    """Start a task in a host, and have it answered and recorded by what is in force; the session's id.

    ``own`` are answers for this session alone, which come first.

    Raises
    ------
    Malformed, NotFound
        A file of answers is not as it should be, or not there; nothing was started.
    """
    scripted = own is not None or bool(layers.scripts())
    session_id = host.start(request)
    _started.add(session_id, host)
    for recorder in recorders():
        recorder.begin(host, session_id)
    nobody = _nobody_is_there(host)
    if nobody or scripted or recorders():
        _followed.get_or_follow(host, session_id, nobody, own)
    return session_id


@contextmanager
def awaited(host: Host, session_id: str) -> Iterator[None]:
    """While somebody waits for the session's end: where nobody is there, a question without an answer ends it."""
    nobody = _nobody_is_there(host)
    followed = _followed.get_or_follow(host, session_id, True) if nobody else _followed.get(session_id)
    if followed is None:
        yield
        return
    followed.wait_begins()
    try:
        yield
    finally:
        followed.wait_ends()


def check(ending: Snapshot) -> None:
    """Once a session has ended: wait until its answers are recorded, and raise what it was ended for by its script.

    Raises
    ------
    NoAnswer
        A question had no answer, and nobody was there.
    InvalidValues
        A scripted answer was refused.
    AnswersOutdated
        A recorded answer was for another question.
    """
    followed = _followed.get(ending.session_id)
    if followed is None:
        return
    followed.join(LAST_SECONDS)
    if (error := followed.error) is not None and ending.status == "cancelled":
        raised = copy.copy(error)
        raised.__cause__ = error.__cause__
        raise raised


def _nobody_is_there(host: Host) -> bool:
    return is_unattended() and isinstance(host, EmbeddedHost)  # else somebody may be at the server


# -- all of them ------------------------------------------------------------------------------------------------------


class _Started:
    """The sessions that this process started and that were alive when it was looked last; none of a host let go."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hosts: weakref.WeakValueDictionary[str, Host] = weakref.WeakValueDictionary()

    def add(self, session_id: str, host: Host) -> None:
        with self._lock:
            self._hosts[session_id] = host

    def living(self) -> list[tuple[Host, str]]:
        """Those at the present host that live still; one that is away has none to tell of."""
        with self._lock:
            if not self._hosts:
                return []
            started = dict(self._hosts)
        alive: set[str] = set()
        with suppress(HitlError):
            host = current_host()
            here = {session_id for session_id, at in started.items() if at is host}
            if here:
                alive = here & {summary.session_id for summary in host.sessions(status=LIVE)}
                with self._lock:
                    for session_id in here - alive:
                        self._hosts.pop(session_id, None)
        return [(started[session_id], session_id) for session_id in alive]


class _AllFollowed:
    """The sessions that are followed, and of those that were the ones with an error."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: dict[str, Followed] = {}

    def get(self, session_id: str) -> Followed | None:
        with self._lock:
            return self._sessions.get(session_id)

    def get_or_follow(self, host: Host, session_id: str, nobody: bool, own: Script | None = None) -> Followed:
        with self._lock:
            found = self._sessions.get(session_id)
            if found is None or not (found.alive or found.error):
                self._forget_the_ended()
                found = self._sessions[session_id] = Followed(host, session_id, nobody, own)
            found.nobody = found.nobody or nobody
            return found

    def all(self) -> list[Followed]:
        with self._lock:
            return list(self._sessions.values())

    def _forget_the_ended(self) -> None:
        ended = [session_id for session_id, each in self._sessions.items() if not each.alive and each.error is None]
        for session_id in ended:
            del self._sessions[session_id]


def _look_again() -> None:
    """A block has begun: what is asked already, or will be by a session that runs, may be answered by it."""
    for host, session_id in _started.living():
        _followed.get_or_follow(host, session_id, nobody=False)
    for followed in _followed.all():
        followed.look_again()


_started = _Started()
_followed = _AllFollowed()
layers.on_change(_look_again)
