"""From a Unix socket in this kernel to the server's: how a run in the kernel reaches a host that only HTTP leads to.

A run's link connects to the socket as a worker does to the store's; each connection is passed on over a WebSocket of
its own. When the server goes, so do these, and the link tries again, until the server is found where it is then.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import socket
import tempfile
import threading
from pathlib import Path

import websocket

from hitl_jupyter.errors import HitlError, Malformed
from hitl_jupyter.link.framing import worker_messages
from hitl_jupyter.link.messages import Hello
from hitl_jupyter.link.paths import reachable
from hitl_jupyter.notebook.client import Client

CHUNK_BYTES = 256 * 1024
HELLO_SECONDS = 30.0
SILENCE_SECONDS = 45.0
"""After so long without a frame the server is asked for a sign of life; after twice that the connection is given up."""


class Bridge:
    """Passes connections on until :meth:`close`.

    Parameters
    ----------
    client : Client
        The line to the server.

    Attributes
    ----------
    path : Path
        The socket, which only this account can open.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._folder = Path(tempfile.mkdtemp(prefix="hitl_jupyter-link-"))
        self._owner = os.getpid()
        self.path = self._folder / "link.sock"
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with reachable(self.path) as name:
            self._listener.bind(name)
        self.path.chmod(0o600)
        self._listener.listen(128)
        atexit.register(self.close)
        threading.Thread(target=self._accept, name="hitl-bridge", daemon=True).start()

    def close(self) -> None:
        """Take no more connections; those there are go on."""
        if os.getpid() == self._owner:  # and not a forked process of it
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            shutil.rmtree(self._folder, ignore_errors=True)
            atexit.unregister(self.close)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), name="hitl-bridge-link", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError, Malformed):
            launch_id, first = _first_frame(connection)
            try:
                viewer = self._client.connect(f"worker/{launch_id}", {}, subprotocols=())
            except (OSError, websocket.WebSocketException, HitlError):
                self._client.moved()
                return  # the link tries again
            try:
                viewer.settimeout(SILENCE_SECONDS)
                viewer.send_binary(first)
                threading.Thread(target=_up, args=(connection, viewer), name="hitl-bridge-up", daemon=True).start()
                _down(connection, viewer)
            except websocket.WebSocketException:
                pass
            finally:
                viewer.shutdown()  # type: ignore[no-untyped-call]  # the library has no types
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


def _first_frame(connection: socket.socket) -> tuple[str, bytes]:
    """Which launch connects, and what was read to know it."""
    connection.settimeout(HELLO_SECONDS)
    unpacker, read = worker_messages(), b""
    while data := connection.recv(CHUNK_BYTES):
        read += data
        for message in unpacker.feed(data):
            if not isinstance(message, Hello):
                raise Malformed("A link begins with Hello.")
            connection.settimeout(None)
            return message.launch_id, read
    raise ConnectionResetError


def _up(connection: socket.socket, viewer: websocket.WebSocket) -> None:
    """From the run to the server."""
    with contextlib.suppress(OSError, websocket.WebSocketException):
        while data := connection.recv(CHUNK_BYTES):
            viewer.send_binary(data)
    viewer.abort()  # type: ignore[no-untyped-call]


def _down(connection: socket.socket, viewer: websocket.WebSocket) -> None:
    """From the server to the run, until either ends it."""
    while (data := _next_frame(viewer)) is not None:
        if data:
            connection.sendall(data)


def _next_frame(viewer: websocket.WebSocket) -> bytes | None:
    """The next bytes; empty for a sign of life without any; None at the end."""
    try:
        opcode, frame = viewer.recv_data_frame(control_frame=True)
    except websocket.WebSocketTimeoutException:
        viewer.ping()
        opcode, frame = viewer.recv_data_frame(control_frame=True)
    if opcode == websocket.ABNF.OPCODE_CLOSE:
        return None
    return bytes(frame.data) if opcode == websocket.ABNF.OPCODE_BINARY else b""
