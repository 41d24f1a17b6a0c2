"""Frames on a byte stream: four bytes of length, big-endian, then one msgpack message."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from hitl_jupyter.errors import Malformed
from hitl_jupyter.link.messages import HostMessage, WorkerMessage

MAX_FRAME = 64 * 1024 * 1024
"""Bytes; a frame that claims more is refused before any of it is kept."""

MAX_EVENTS = 4096
"""Events an ``Emit`` carries at the most, so that no frame holds the host's event loop for long."""

_T = TypeVar("_T")
_encoder = msgspec.msgpack.Encoder()


def pack(message: WorkerMessage | HostMessage) -> bytes:
    """One frame."""
    body = _encoder.encode(message)
    if len(body) > MAX_FRAME:
        raise Malformed(f"A message of {len(body)} bytes is over the link's {MAX_FRAME}; send it in smaller pieces.")
    return len(body).to_bytes(4, "big") + body


class Unpacker(Generic[_T]):
    """Cuts a byte stream into messages of one union.

    Examples
    --------
    >>> from hitl_jupyter.link import messages
    >>> unpacker = host_messages()
    >>> unpacker.feed(pack(messages.Ack(number=7))[:3]), unpacker.feed(pack(messages.Ack(number=7))[3:])
    ([], [Ack(number=7)])
    """

    def __init__(self, decoder: msgspec.msgpack.Decoder[_T]) -> None:
        self._decoder = decoder
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[_T]:
        """Add bytes; get the messages they complete. Raises ``Malformed`` for what is no message."""
        self._buffer += data
        messages, start = [], 0
        while len(self._buffer) - start >= 4:
            size = int.from_bytes(self._buffer[start : start + 4], "big")
            if size > MAX_FRAME:
                raise Malformed(f"A frame claims {size} bytes, over the link's {MAX_FRAME}; the peer is not ours.")
            if len(self._buffer) - start - 4 < size:
                break
            with memoryview(self._buffer) as view, view[start + 4 : start + 4 + size] as body:
                messages.append(self._decode(body))
            start += 4 + size
        if start:
            del self._buffer[:start]
        return messages

    def _decode(self, body: memoryview) -> _T:
        try:
            return self._decoder.decode(body)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise Malformed(f"A link message could not be read: {error}.") from None


def worker_messages() -> Unpacker[WorkerMessage]:
    """For the host's end."""
    return Unpacker(msgspec.msgpack.Decoder(WorkerMessage))


def host_messages() -> Unpacker[HostMessage]:
    """For the worker's end."""
    return Unpacker(msgspec.msgpack.Decoder(HostMessage))
