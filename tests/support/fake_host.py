"""A host that is nothing but its end of the link: it acknowledges at once, and the test says the rest."""

from __future__ import annotations

import builtins
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from hitl_jupyter.link.bootstrap import BOOTSTRAP
from hitl_jupyter.link.framing import pack, worker_messages
from hitl_jupyter.link.messages import (
    Ack,
    Beat,
    Described,
    Emit,
    Hello,
    HostMessage,
    Resolved,
    Run,
    Stop,
    Transient,
    Validate,
    Validated,
    Welcome,
    WorkerMessage,
)
from hitl_jupyter.link.paths import reachable
from hitl_jupyter.notebook.shipping import dumps
from hitl_jupyter.protocol import Stream, TaskCancelled, TaskCompleted, TaskFailed
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[2]
LAUNCH, SECRET = "launch-1", "s3cret"
ENDINGS = (TaskCompleted, TaskFailed, TaskCancelled)

_E = TypeVar("_E")


class FakeHost:
    """Listens on a Unix socket, keeps every event once by its number, and acknowledges it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "link.sock"
        self.folder = folder
        self.events: list[Any] = []
        self.transient: list[Stream] = []
        self.replies: list[Validated | Described] = []
        self.hellos: list[Hello] = []
        self.endings: list[TaskCompleted | TaskFailed | TaskCancelled] = []
        self._by_kind: defaultdict[type, list[Any]] = defaultdict(list)
        self.received = 0
        self.beats = 0
        self.beat_seconds: float | None = None
        self.acknowledge = True
        self.drop_after: int | None = None
        self.on_connect: list[HostMessage] = []
        self._peer: socket.socket | None = None
        self._changed = threading.Condition()
        self._open()

    def _open(self) -> None:
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with reachable(self.path) as name:
            self._listener.bind(name)
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, args=(self._listener,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Be gone, as a server that was killed."""
        if self._listener.fileno() < 0:
            return
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.break_link()
        self._thread.join(5)
        self.path.unlink()

    def remove(self) -> None:
        """Be gone, with the store."""
        self.close()
        shutil.rmtree(self.folder)

    def reopen(self) -> None:
        """Come back at the same path."""
        self._open()

    def break_link(self) -> None:
        """Cut the connection, without a word."""
        if self._peer is not None:
            with _ignored(OSError):
                self._peer.shutdown(socket.SHUT_RDWR)

    def send(self, message: HostMessage) -> None:
        """Say something to the connected worker."""
        assert self._peer is not None
        self._peer.sendall(pack(message))

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with peer, _ignored(OSError):
                self._converse(peer)

    def _converse(self, peer: socket.socket) -> None:
        self._peer = peer
        unpacker = worker_messages()
        while data := peer.recv(1 << 20):
            for message in unpacker.feed(data):
                self._take(peer, message)

    def _take(self, peer: socket.socket, message: WorkerMessage) -> None:
        with self._changed:
            if isinstance(message, Hello):
                self.hellos.append(message)
                welcome = Welcome(accepted=self.received, beat_seconds=self.beat_seconds)
                peer.sendall(b"".join(pack(each) for each in (welcome, *self.on_connect)))
            elif isinstance(message, Emit):
                self._keep(peer, message)
            elif isinstance(message, Transient):
                self.transient += message.events
            elif isinstance(message, Validated | Described):
                self.replies.append(message)
            else:
                self.beats += isinstance(message, Beat)
            self._changed.notify_all()

    def _keep(self, peer: socket.socket, message: Emit) -> None:
        assert message.first <= self.received + 1, "the outbox left a gap"
        fresh = message.events[self.received + 1 - message.first :]
        self.events += fresh
        for event in fresh:  # sorted as they come, since who waits looks at every change of a flood
            self._by_kind[type(event)].append(event)
            if isinstance(event, ENDINGS) and not _goes_on(event):
                self.endings.append(event)
        self.received += len(fresh)
        if self.drop_after is not None and self.received >= self.drop_after:
            self.drop_after = None
            self.break_link()
        elif self.acknowledge:
            peer.sendall(pack(Ack(number=self.received)))

    # -- for tests ----------------------------------------------------------------------------------------------

    def wait(self, kind: type[_E], count: int = 1, *, within: float = 20) -> _E:
        """The ``count``-th event of this kind, once it is there."""
        with self._changed:
            found: list[_E] = self._by_kind[kind]
            done = self._changed.wait_for(lambda: len(found) >= count or self.endings != [], within)
            assert done, f"no {kind.__name__} came; the last events: {self.events[-20:]}"
            assert len(found) >= count, f"no {kind.__name__} number {count}; there were {self.events[-20:]}"
            return found[count - 1]

    def of(self, kind: type[_E]) -> list[_E]:
        """All events of a kind, until now."""
        return list(self._by_kind[kind])

    def lines(self, source: str) -> list[str]:
        """What was streamed from one source, until now."""
        return [event.content for event in self.of(Stream) if event.source == source]

    def wait_line(self, text: str) -> None:
        """Wait until a line with this text was streamed."""
        eventually(lambda: any(text in event.content for event in self.of(Stream)), f"a line with {text!r}")

    def answer(self, request: Any, value: Any, outcome: Any = "answered") -> None:
        """Settle a request."""
        self.send(Resolved(request_id=request.request_id, outcome=outcome, value=value, by="Ada", via="browser"))

    def check(self, request: Any, values: dict[str, Any]) -> Validated:
        """Have the worker check values."""
        call = len(self.replies) + 1
        self.send(Validate(call=call, request_id=request.request_id, values=values))

        def replied() -> Validated | None:
            return next((r for r in self.replies if isinstance(r, Validated) and r.call == call), None)

        return eventually(replied, "a reply to the check")

    def end(self, *, within: float = 20) -> Any:
        """The terminal event."""
        with self._changed:
            self._changed.wait_for(lambda: self.endings != [], within)
            assert len(self.endings) == 1, f"{len(self.endings)} endings; the last events: {self.events[-20:]}"
            return self.endings[0]


def _goes_on(event: Any) -> bool:
    return isinstance(event, TaskFailed) and not event.ends_attempt


class _ignored:
    """``contextlib.suppress`` that is safe to share between threads and cheap to read."""

    def __init__(self, *kinds: type[BaseException]) -> None:
        self._kinds = kinds

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> bool:
        return kind is not None and issubclass(kind, self._kinds)


class WorkerProcess:
    """A worker as the launcher starts it."""

    def __init__(
        self,
        host: FakeHost,
        *,
        environ: dict[str, str] | None = None,
        prelude: str = "",
        patience: dict[str, float] | None = None,
    ) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", f"{prelude}\n{BOOTSTRAP}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, "HITL_LAUNCH": LAUNCH, "PYTHONPATH": str(ROOT), **(environ or {})},
        )
        boot = {
            "socket": str(host.path),
            "launch_id": LAUNCH,
            "secret": SECRET,
            "sys_path": [*(path for path in sys.path if path), str(ROOT)],
            "cwd": None,
            "patience": patience or {},
        }
        assert self.process.stdin is not None
        self.process.stdin.write(msgspec.json.encode(boot) + b"\n")
        self.process.stdin.close()

    def wait(self, seconds: float = 20) -> int:
        """Its exit code, once it has ended by itself."""
        return self.process.wait(seconds)

    def last_words(self) -> str:
        """What it wrote to the launcher's stderr, once it has ended."""
        assert self.process.stderr is not None
        return self.process.stderr.read().decode()

    def close(self) -> None:
        """End it, whatever it does."""
        if self.process.poll() is None:
            with _ignored(ProcessLookupError):
                os.killpg(self.process.pid, 9)
            self.process.wait(10)
        assert self.process.stderr is not None
        self.process.stderr.close()


@contextmanager
def fake_host() -> Iterator[FakeHost]:
    """A host in a short folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="hitl"))
    host = FakeHost(folder)
    try:
        yield host
    finally:
        host.close()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def worker(host: FakeHost, **options: Any) -> Iterator[WorkerProcess]:
    """A worker of that host; killed at the end if it still lives."""
    process = WorkerProcess(host, **options)
    try:
        yield process
    finally:
        process.close()


def shipped(task: Any, *args: Any, **kwargs: Any) -> bytes:
    """A task as a kernel ships it. Functions of test modules go by value, as a notebook's do."""
    return dumps({"task": task, "args": args, "kwargs": kwargs})


def run_of(host: FakeHost, **options: Any) -> Run:
    """A Run for this host."""
    return Run(session_id="session-1", attempt=1, result_path=str(host.folder / "result.pickle"), **options)


STOP = Stop()


def cell(source: str, name: str = "go", *args: Any, **kwargs: Any) -> bytes:
    """The task ``name`` of a notebook cell with this source, shipped with its arguments as a kernel ships it."""
    namespace: dict[str, Any] = {"__name__": "__main__", "__builtins__": builtins}
    exec(compile(textwrap.dedent(source), "<cell>", "exec"), namespace)
    return shipped(namespace[name], *args, **kwargs)


@contextmanager
def running(
    source: str, *args: Any, environ: dict[str, str] | None = None, prelude: str = "", **options: Any
) -> Iterator[FakeHost]:
    """A host whose worker runs the task ``go`` of this cell; at the end the worker has left by itself, with code 0."""
    with fake_host() as host:
        host.on_connect = [run_of(host, shipped=cell(source, "go", *args), **options)]
        with worker(host, environ=environ, prelude=prelude) as process:
            yield host
            host.end()
            assert process.wait() == 0, process.last_words()
