"""Text for the stream: lines no longer than the limit, and nothing in them that cannot be sent."""

from __future__ import annotations

from collections.abc import Iterator

MAX_LINE = 64 * 1024
"""Bytes of UTF-8 in one event; longer text is cut in pieces."""

_ALWAYS_FITS = MAX_LINE // 4
"""Characters: no UTF-8 character has more than four bytes."""


def sendable(text: str) -> str:
    """The text with lone surrogates replaced: they are no Unicode text and no socket takes them."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def pieces(text: str) -> Iterator[str]:
    """The text in pieces of at most :data:`MAX_LINE` bytes, cut between characters.

    Examples
    --------
    >>> [len(piece) for piece in pieces("x" * 70_000)], list(pieces("ok"))
    ([65536, 4464], ['ok'])
    """
    text = sendable(text)
    if len(text) <= _ALWAYS_FITS:
        yield text
        return
    data = text.encode()
    start = 0
    while len(data) - start > MAX_LINE:
        end = start + MAX_LINE
        while data[end] & 0xC0 == 0x80:  # in the middle of a character
            end -= 1
        yield data[start:end].decode()
        start = end
    yield data[start:].decode()
