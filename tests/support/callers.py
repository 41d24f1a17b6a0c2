"""Callers at the level of TCP, who come in great numbers, say what they like and leave as they like."""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping

HANDSHAKE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg==",
    "Sec-WebSocket-Version": "13",
}
PATIENCE_SECONDS = 20.0
TEXT, CLOSE = 0x1, 0x8
PROTOCOL_ERROR = struct.pack("!H", 1002)
"""What a close frame says to one who broke the rules."""
ABORT = struct.pack("ii", 1, 0)
"""SO_LINGER: closing sends a reset, and nothing that waits."""


class Caller:
    """One connection to a server on this machine."""

    def __init__(self, port: int, token: str | None) -> None:
        self._token = token
        self._port = port
        self._line = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
        self._received = b""

    def ask(self, verb: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> int:
        """Send one request; the status it is answered with. The body of the reply is read and thrown away."""
        given = {"Host": f"127.0.0.1:{self._port}", "Content-Length": str(len(body)), **(headers or {})}
        if self._token is not None:
            given["Authorization"] = f"token {self._token}"
        lines = [f"{verb} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items()), "", ""]
        self._line.sendall("\r\n".join(lines).encode() + body)
        return self._status()

    def upgrade(self, path: str) -> int:
        """Ask for a WebSocket; the status of the answer, 101 where there is one from now on."""
        return self.ask("GET", path, headers=HANDSHAKE)

    def send(self, opcode: int, data: bytes = b"", flags: int = 0x80) -> None:
        """Send one frame of at most 125 bytes, masked by zeros; other ``flags`` than FIN break the protocol."""
        self._line.sendall(bytes([flags | opcode, 0x80 | len(data), 0, 0, 0, 0]) + data)

    def hear(self, words: bytes) -> None:
        """Read until these bytes have come."""
        while words not in self._received:
            self._receive()

    def close(self) -> None:
        """Leave in order: the closing handshake, to the end of the connection."""
        self.send(CLOSE, struct.pack("!H", 1000))
        self.hear_out()

    def hear_out(self) -> None:
        """Read to the end of the connection, and close this side."""
        while self._line.recv(65536):
            pass
        self.hang_up()

    def hang_up(self) -> None:
        """Close this side, and nothing else."""
        self._line.close()

    def reset(self) -> None:
        """Leave as a process that is killed, or a cable that is cut and mended, does: by a TCP reset."""
        self._line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
        self._line.close()

    def _status(self) -> int:
        while b"\r\n\r\n" not in self._received:
            self._receive()
        head, _, rest = self._received.partition(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        self._received = rest if status == 101 else self._after_body(head, rest)
        return status

    def _after_body(self, head: bytes, rest: bytes) -> bytes:
        named = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        length = int(named.get(b"content-length", b"0"))
        self._received = rest
        while len(self._received) < length:
            self._receive()
        return self._received[length:]

    def _receive(self) -> None:
        data = self._line.recv(65536)
        if not data:
            raise ConnectionError("The server has ended the connection.")
        self._received += data
