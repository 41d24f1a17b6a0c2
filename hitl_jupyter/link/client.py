"""The worker's end of the link: a daemon thread with one blocking socket, so that no user code can stall it.

The thread is the only one that touches the socket. Others put events into the :class:`Outbox`, and messages without a
number (replies, transient text) into a queue; a byte on a socket pair wakes the thread. A broken connection is made
again, with back-off, to the same path: the host says in its Welcome how much it has, and the rest is sent once more.
"""

from __future__ import annotations

import contextlib
import math
import random
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from hitl_jupyter.errors import Malformed
from hitl_jupyter.link.framing import Unpacker, host_messages, pack
from hitl_jupyter.link.messages import Ack, Beat, Hello, HostMessage, Refused, Transient, Welcome, WorkerMessage
from hitl_jupyter.link.outbox import Outbox
from hitl_jupyter.link.paths import reachable
from hitl_jupyter.link.patience import Patience
from hitl_jupyter.protocol import Stream

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 5.0
CONNECT_SECONDS = 20.0
TRANSIENT_BACKLOG = 64
_CHUNK = 256 * 1024
_BEAT = pack(Beat())


class Link:
    """The connection to the host, made again whenever it breaks, until :meth:`close`.

    Parameters
    ----------
    path : Path
        The host's Unix socket; of any length.
    hello : Hello
        Said first on every connection.
    deliver : callable
        Gets every host message but Welcome and Ack, in the link's thread: it must be quick and must not raise.
    lost : callable
        Called once, in the link's thread, when the patience is used up or the host refused; gets a sentence, and how
        many seconds there was no host (None where there was one that refused).
    patience : callable
        How many seconds to go on without a host, asked whenever that matters.
    folder_patience : float
        How many seconds to go on without the socket's folder.
    """

    def __init__(
        self,
        path: Path,
        hello: Hello,
        deliver: Callable[[HostMessage], None],
        lost: Callable[[str, float | None], None],
        patience: Callable[[], float] = lambda: Patience().running,
        folder_patience: float = Patience().without_folder,
    ) -> None:
        self._path = path
        self._hello = pack(hello)
        self._deliver = deliver
        self._lost = lost
        self._patience = patience
        self._folder_patience = folder_patience
        self._folder_seen = self._counted_from = time.monotonic()
        self._last_patience = 0.0
        self._waker, self._wakened = socket.socketpair()
        self._waker.setblocking(False)
        self._wakened.setblocking(False)
        self._socket: socket.socket | None = None
        self._replies: deque[bytes] = deque()
        self._transients: deque[bytes] = deque(maxlen=TRANSIENT_BACKLOG)
        self._rest = memoryview(b"")
        self._beat_seconds: float | None = None
        self._wrote_at = 0.0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hitl-link", daemon=True)
        self.outbox = Outbox(self.wake)
        self.welcomed = threading.Event()

    def start(self) -> None:
        """Connect, in the thread; returns at once."""
        self._thread.start()

    def wake(self) -> None:
        """Have the thread look for something to send. From any thread."""
        self.outbox.asleep = False
        with contextlib.suppress(OSError):  # full: it will wake anyhow; closed: nobody is there to wake
            self._waker.send(b"!")

    def reply(self, message: WorkerMessage) -> None:
        """Send a message that is not kept: if the link breaks, the host asks again."""
        self._replies.append(pack(message))
        self.wake()

    def transient(self, events: list[Stream]) -> None:
        """Show text to live viewers only; the oldest is let go when the host does not keep up."""
        self._transients.append(pack(Transient(events=events)))
        self.wake()

    def finish(self, seconds: float | None = None) -> bool:
        """Take no more events, and wait until the host has all; whether it has."""
        self.outbox.close()
        return self.outbox.wait_empty(seconds)

    def close(self) -> None:
        """Leave. What is not acknowledged is lost: :meth:`finish` first."""
        self._closing.set()
        self.outbox.close()
        self.wake()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(5)

    def abandon(self) -> None:
        """In a forked child: close the descriptors, without a word to the host."""
        self.outbox.asleep = False
        for each in (self._socket, self._waker, self._wakened):
            if each is not None:
                each.close()

    # -- the thread --------------------------------------------------------------------------------------------

    def _run(self) -> None:
        alone_since, pause = time.monotonic(), FIRST_PAUSE
        self._counted_from, self._last_patience = alone_since, self._patience()
        while not self._closing.is_set():
            begun = time.monotonic()
            if self._one_connection():
                alone_since = self._counted_from = self._folder_seen = time.monotonic()
                if alone_since - begun > LONGEST_PAUSE:  # a host that sends us away each time is not hurried
                    pause = FIRST_PAUSE
            elif self._patience_is_over() or self._folder_gone_for_good():
                alone = time.monotonic() - alone_since
                self._give_up(f"No host answered at {self._path} for {alone:.0f} s; the task was ended.", alone)
            # Jitter, so that the workers of a server that restarts do not all come at once.
            self._closing.wait(pause * random.uniform(0.5, 1.0))
            pause = min(pause * 2, LONGEST_PAUSE)
        self._waker.close()
        self._wakened.close()

    def _patience_is_over(self) -> bool:
        """Where there is less patience than before, as once the task waits for nobody, it counts from that moment."""
        now, patience = time.monotonic(), self._patience()
        if patience < self._last_patience:
            self._counted_from = now
        self._last_patience = patience
        return now - self._counted_from > patience

    def _folder_gone_for_good(self) -> bool:
        now = time.monotonic()
        if self._path.parent.exists():
            self._folder_seen = now
        return now - self._folder_seen > self._folder_patience

    def _give_up(self, why: str, alone: float | None = None) -> None:
        self._closing.set()
        if alone is None:
            self.outbox.close()
        else:
            self.outbox.freeze()
        self._lost(why, alone)

    def _one_connection(self) -> bool:
        """Connect and talk until it breaks; whether the host welcomed us."""
        self.welcomed.clear()
        try:
            with self._connect() as connection:
                self._socket = connection
                self._converse(connection)
        except (OSError, Malformed):
            pass  # broken: the loop makes it anew
        finally:
            self._socket = None
        return self.welcomed.is_set()

    def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(CONNECT_SECONDS)
            with reachable(self._path) as name:
                connection.connect(name)
            connection.sendall(self._hello)
            connection.setblocking(False)
        except BaseException:
            connection.close()
            raise
        return connection

    def _converse(self, connection: socket.socket) -> None:
        self._rest = memoryview(b"")
        unpacker = host_messages()
        poller = select.poll()
        poller.register(self._wakened, select.POLLIN)
        deadline = time.monotonic() + CONNECT_SECONDS
        while not self._closing.is_set():
            if not self.welcomed.is_set() and time.monotonic() > deadline:
                return
            self._write(connection)
            poller.register(connection, select.POLLIN | (select.POLLOUT if self._rest else 0))
            ready = poller.poll(self._poll_ms())
            self.outbox.asleep = False
            for descriptor, _ in ready:
                if descriptor == connection.fileno():
                    self._read(connection, unpacker)
                else:
                    self._swallow_wakes()

    def _poll_ms(self) -> int | None:
        """How long to sleep: not at all, if there is something to send that nobody will wake us for."""
        if not self.welcomed.is_set():
            return 1000
        if self._rest:
            return None
        idle = self.outbox.doze() and not (self._replies or self._transients)
        return self._until_beat_ms() if idle else 0

    def _until_beat_ms(self) -> int | None:
        if self._beat_seconds is None:
            return None
        return max(0, math.ceil((self._wrote_at + self._beat_seconds - time.monotonic()) * 1000))

    def _swallow_wakes(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._wakened.recv(4096):
                pass

    def _write(self, connection: socket.socket) -> None:
        if not self.welcomed.is_set():
            return
        if not self._rest:
            self._rest = memoryview(self._next_bytes())
        if self._rest:
            with contextlib.suppress(BlockingIOError):
                self._rest = self._rest[connection.send(self._rest) :]
                self._wrote_at = time.monotonic()

    def _next_bytes(self) -> bytes:
        pieces = [_BEAT] if self._until_beat_ms() == 0 else []
        for queue in (self._replies, self._transients):
            while queue:
                pieces.append(queue.popleft())
        pieces.append(self.outbox.next_frames())
        return b"".join(pieces)

    def _read(self, connection: socket.socket, unpacker: Unpacker[HostMessage]) -> None:
        try:
            data = connection.recv(_CHUNK)
        except BlockingIOError:
            return
        if not data:
            raise ConnectionResetError
        for message in unpacker.feed(data):
            self._handle(message)

    def _handle(self, message: HostMessage) -> None:
        if isinstance(message, Ack):
            self.outbox.acknowledge(message.number)
        elif isinstance(message, Welcome):
            self._replies.clear()
            self._transients.clear()
            self.outbox.rewind(message.accepted)
            self._beat_seconds, self._wrote_at = message.beat_seconds, time.monotonic()
            self.welcomed.set()
        elif isinstance(message, Refused):
            self._give_up(message.message)
        else:
            self._deliver(message)
