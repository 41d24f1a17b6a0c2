"""WebSocket frames as tornado does them, with three things added.

A peer that breaks the rules is told so. Tornado drops the connection at once, which the other side sees as a failure of
the network (1006) and answers by connecting again, for ever. Here a close frame with a code goes out first, and what
the peer is still sending is read and thrown away for a while: closing over unread bytes would destroy the close frame
on its way.

A run of small messages goes out in one write, and a large one in pieces that are not copied.

And a peer that takes nothing any more is noticed: what waits for it is one frame, and not for ever.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress

from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError, WebSocketProtocol13

PROTOCOL_ERROR = 1002
TOO_BIG = 1009
LINGER_SECONDS = 5.0
LINGER_CHUNK_BYTES = 64 * 1024

PIECE_BYTES = 64 * 1024
"""So much of a peer's messages is written at a time; that it goes out is the sign that the peer reads."""

_TEXT = 0x1
_BINARY = 0x2
_FINAL_TEXT = 0x81


class FrameProtocol(WebSocketProtocol13):
    """The server's side of one WebSocket.

    ``too_big`` is what is said, as a text frame, to a peer whose message is over the limit, before it is closed.
    """

    too_big: bytes = b""
    _lingering: asyncio.Task[None] | None = None

    def write_texts(self, messages: Iterable[bytes]) -> asyncio.Future[None]:
        """Send each of these as a text frame of its own; awaiting the future is the back-pressure.

        Raises
        ------
        WebSocketClosedError
            The connection is closed or being closed.
        """
        if self.is_closing():
            raise WebSocketClosedError
        frames = b"".join(piece for message in messages for piece in (_header(len(message)), message))
        try:
            return self.stream.write(frames)
        except StreamClosedError:
            raise WebSocketClosedError from None

    async def send_texts(self, messages: Iterable[bytes], patience: float) -> None:
        """Send each of these as a text frame of its own, and wait until all have gone out.

        Raises
        ------
        WebSocketClosedError
            The connection is closed, or was while this waited.
        TimeoutError
            The peer took no piece for ``patience`` seconds.
        """
        for written in self._written(messages):
            if not written.done():
                await asyncio.wait((written,), timeout=patience)
            if not written.done():
                raise TimeoutError
            if written.exception() is not None:
                raise WebSocketClosedError

    def _written(self, messages: Iterable[bytes]) -> Iterator[asyncio.Future[None]]:
        """Write a piece or a large message whenever it is asked for the next; a future of each piece."""
        run: list[bytes] = []
        size = 0
        for message in messages:
            if size and size + len(message) > PIECE_BYTES:
                yield self.write_texts(run)
                run, size = [], 0
            if len(message) > PIECE_BYTES:
                yield from self._write_large(message)
            else:
                run.append(message)
                size += len(message)
        if run:
            yield self.write_texts(run)

    def _write_large(self, message: bytes) -> list[asyncio.Future[None]]:
        """All of one frame at once, for nothing else may come between its pieces."""
        if self.is_closing():
            raise WebSocketClosedError
        with suppress(StreamClosedError):
            view = memoryview(message)
            self.stream.write(_header(len(view)))
            return [self.stream.write(view[at : at + PIECE_BYTES]) for at in range(0, len(view), PIECE_BYTES)]
        raise WebSocketClosedError

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        if code == TOO_BIG and self.too_big and not self.is_closing():
            self.write_texts([self.too_big])
        super().close(code, reason)

    def _handle_message(self, opcode: int, data: bytes) -> asyncio.Future[None] | None:
        # Text that is no UTF-8 is a bad message like any other: it goes the same way, to be refused by name.
        if opcode == _TEXT and not _is_utf8(data):
            opcode = _BINARY
        return super()._handle_message(opcode, data)

    def _abort(self) -> None:
        """Called by tornado when the peer broke the rules, and when a connection is over anyway."""
        if self._lingering is not None:
            return
        if self.stream.closed() or self.stream.reading() or self.client_terminated:
            super()._abort()
            return
        self.close(PROTOCOL_ERROR, "These are not valid WebSocket frames.")
        self.client_terminated = True
        self._lingering = asyncio.ensure_future(self._linger())

    async def _linger(self) -> None:
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                while True:
                    await self.stream.read_bytes(LINGER_CHUNK_BYTES, partial=True)
        except (StreamClosedError, TimeoutError):
            super()._abort()


def _header(length: int) -> bytes:
    if length < 126:
        return bytes((_FINAL_TEXT, length))
    if length < 65536:
        return struct.pack("!BBH", _FINAL_TEXT, 126, length)
    return struct.pack("!BBQ", _FINAL_TEXT, 127, length)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
