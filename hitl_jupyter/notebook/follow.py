"""Follow one session from a thread of its own: a socket that comes back after the server was away.

Whoever waits in the kernel waits on a plain lock that this thread opens, so "Interrupt kernel" ends the wait at once,
and a busy or blocked event loop never holds the messages up.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import websocket

from hitl_jupyter.errors import HitlError, NoServer, NotFound
from hitl_jupyter.notebook.client import Client
from hitl_jupyter.notebook.host import Follower

SILENCE_SECONDS = 45.0
"""After so long without a frame the server is asked for a sign of life; after twice that the socket is given up."""

GONE_CODE = 4404
"""The server closes a socket with this when its session was forgotten."""

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0


class SocketFollowing:
    """The thread and the socket. Use it in a ``with`` block; leaving it ends both.

    Parameters
    ----------
    client : Client
        The line to the server.
    session_id : str
        What to follow.
    follower : Follower
        Who gets the frames.
    wait : callable
        ``wait(seconds)`` pauses between connections and says whether to stop; for tests.
    """

    def __init__(
        self,
        client: Client,
        session_id: str,
        follower: Follower,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        self._client = client
        self._session_id = session_id
        self._follower = follower
        self._stop = threading.Event()
        self._wait = wait or self._stop.wait
        self._viewer: websocket.WebSocket | None = None
        self._thread = threading.Thread(target=self._run, name=f"hitl-{session_id}", daemon=True)

    def __enter__(self) -> SocketFollowing:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def alive(self) -> bool:
        """Whether the thread still runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self) -> None:
        """End it. Returns at once; the thread leaves by itself."""
        self._stop.set()
        viewer = self._viewer
        if viewer is not None:
            viewer.abort()  # type: ignore[no-untyped-call]  # the library has no types

    def send(self, message: bytes) -> None:
        """Send one command on the socket; raises :class:`NoServer` while there is none."""
        viewer = self._viewer
        try:
            if viewer is None:
                raise websocket.WebSocketConnectionClosedException("not connected")
            viewer.send(message.decode())
        except (OSError, websocket.WebSocketException):
            raise NoServer("The server is away at the moment. Try again when the view is live.") from None

    def join(self, seconds: float) -> None:
        """Wait for the thread to leave."""
        self._thread.join(seconds)

    def _run(self) -> None:
        try:
            self._follow()
        except Exception as error:  # whatever it is, nobody may wait for ever for a thread that is gone
            self._follower.gone(
                HitlError(
                    f"The session cannot be followed from this kernel ({type(error).__name__}: {error}). Run `pip "
                    "install --upgrade hitl-jupyter` here and in the server's environment, and attach to it again."
                )
            )

    def _follow(self) -> None:
        pause = FIRST_PAUSE
        while not self._stop.is_set():
            try:
                if self._read_one_connection():
                    pause = FIRST_PAUSE
            except HitlError as error:
                if _is_final(error):
                    self._follower.gone(error)
                    return
            self._client.moved()
            if self._wait(pause):
                return
            pause = min(pause * 2, LONGEST_PAUSE)

    def _read_one_connection(self) -> bool:
        """Connect and read until it breaks; whether anything came."""
        came = False
        try:
            self._viewer = viewer = self._client.connect(f"ws/{self._session_id}", self._follower.query())
        except (OSError, websocket.WebSocketException):
            return came
        try:
            viewer.settimeout(SILENCE_SECONDS)
            while not self._stop.is_set() and (data := _next_frame(viewer)) is not None:
                came = True
                if data:
                    self._follower.frame(data)
        except (OSError, websocket.WebSocketException):
            pass
        finally:
            self._viewer = None
            viewer.shutdown()  # type: ignore[no-untyped-call]
        return came


def _next_frame(viewer: websocket.WebSocket) -> bytes | None:
    """The next message; empty for a sign of life without one; None at the end."""
    try:
        opcode, frame = viewer.recv_data_frame(control_frame=True)
    except websocket.WebSocketTimeoutException:
        viewer.ping()
        opcode, frame = viewer.recv_data_frame(control_frame=True)
    if opcode == websocket.ABNF.OPCODE_CLOSE:
        if int.from_bytes(frame.data[:2], "big") == GONE_CODE:
            raise NotFound("There is no such session any more. hitl.sessions() lists those there are.")
        return None
    if opcode in (websocket.ABNF.OPCODE_TEXT, websocket.ABNF.OPCODE_BINARY):
        return bytes(frame.data)
    return b""


def _is_final(error: HitlError) -> bool:
    """Whether another try would get the same reply: not so while the server is away or full."""
    return isinstance(error, NotFound) or error.status_hint in (401, 403)
