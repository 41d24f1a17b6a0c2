"""Objects as still pictures: figures, images, arrays that hold one, and charts for where nothing can draw them.

Libraries are told by their names, never imported for it. A library that turns charts into pictures may start a browser
for it, so it has a bounded time, and one that failed is not asked again in this process.
"""

from __future__ import annotations

import base64
import importlib.util
import io
import struct
import threading
import zlib
from collections.abc import Callable
from typing import Any

from hitl_jupyter.protocol import MimeBundle

STILL_SECONDS = 10.0
"""How long a library may take for the picture of a chart."""

MAX_SIDE = 2000
"""Pixels of an image; a larger one is made smaller."""

MAX_PNG = 2 * 1024 * 1024
"""Bytes of a PNG; what is over becomes a JPEG, or fewer pixels."""

TINY, SMALL = 64, 128
"""An array with fewer pixels than the first on its longer side is enlarged to about the second."""

LEAST_SIDE = 8
"""Of an array of two dimensions: a smaller one is numbers to read."""

_MAGIC = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}
_COLOUR_TYPE = {1: 0, 2: 4, 3: 2, 4: 6}
"""What PNG calls so many channels: grey, grey with alpha, RGB, RGBA."""

_failed: set[str] = set()


def comes_from(value: Any, *names: str) -> bool:
    """Whether the object's class, or one it inherits from, is of one of these libraries."""
    return any((each.__module__ or "").partition(".")[0] in names for each in type(value).__mro__)


def figure(value: Any) -> MimeBundle | None:
    """A figure of matplotlib, also by one of its axes."""
    shown = value
    if comes_from(value, "matplotlib") and not hasattr(value, "savefig"):
        shown = getattr(value, "figure", None)  # an Axes
    if shown is None or not comes_from(shown, "matplotlib") or not hasattr(shown, "savefig"):
        return None
    buffer = io.BytesIO()
    shown.savefig(buffer, format="png", bbox_inches="tight")
    return {"image/png": _text(buffer.getvalue()), "text/plain": repr(shown)}


def image(value: Any) -> MimeBundle | None:
    """An image of Pillow, or the bytes of an image file."""
    if isinstance(value, (bytes, bytearray)):
        found = (kind for magic, kind in _MAGIC.items() if bytes(value).startswith(magic))
        kind = next(found, None)
        return {kind: _text(bytes(value)), "text/plain": f"{kind}, {len(value)} bytes"} if kind else None
    if not (comes_from(value, "PIL") and hasattr(value, "save")):
        return None
    shown = value if value.mode in ("1", "L", "LA", "P", "RGB", "RGBA") else value.convert("RGB")
    if max(shown.size) > MAX_SIDE:
        shown = shown.copy()
        shown.thumbnail((MAX_SIDE, MAX_SIDE))
    buffer = io.BytesIO()
    shown.save(buffer, format="PNG")
    words = f"image {value.width} × {value.height}"
    if buffer.tell() > MAX_PNG and shown.mode in ("L", "RGB"):
        buffer = io.BytesIO()
        shown.save(buffer, format="JPEG", quality=90)
        return {"image/jpeg": _text(buffer.getvalue()), "text/plain": words}
    return {"image/png": _text(buffer.getvalue()), "text/plain": words}


def array(value: Any) -> MimeBundle | None:
    """An array of numpy that holds an image: height × width of bytes, or × 3 or 4 channels of bytes or of 0 to 1."""
    if not comes_from(value, "numpy") or not _holds_image(value):
        return None
    height, width = value.shape[:2]
    pixels = value if value.ndim == 3 else value[:, :, None]
    if pixels.dtype.kind == "f":
        pixels = (pixels * 255).round()
    elif pixels.dtype.kind == "b":
        pixels = pixels * 255
    pixels = pixels.astype("uint8")
    step = -(-max(height, width) // MAX_SIDE)
    times = SMALL // max(height, width) if max(height, width) < TINY else 1
    pixels = pixels[::step, ::step].repeat(times, axis=0).repeat(times, axis=1)
    data = png(pixels)
    while len(data) > MAX_PNG:
        pixels = pixels[::2, ::2]
        data = png(pixels)
    return {"image/png": _text(data), "text/plain": f"image {width} × {height}"}


def _holds_image(value: Any) -> bool:
    if not hasattr(value, "dtype") or value.size == 0:
        return False
    is_bytes = value.dtype.kind == "b" or str(value.dtype) == "uint8"
    if value.ndim == 2:
        return is_bytes and min(value.shape) >= LEAST_SIDE
    if value.ndim != 3 or value.shape[2] not in (1, 3, 4):
        return False
    # The comparison is false where there is a NaN.
    return is_bytes or (value.dtype.kind == "f" and bool(value.min() >= 0) and bool(value.max() <= 1))


def png(pixels: Any) -> bytes:
    """The PNG of an array of bytes, height × width × channels."""
    height, width, channels = pixels.shape
    raw, row = pixels.tobytes(), width * channels
    lines = b"".join(b"\0" + raw[at : at + row] for at in range(0, height * row, row))
    head = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPE[channels], 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )


def still(maker: str, draw: Callable[[], bytes]) -> MimeBundle:
    """The PNG of a chart; nothing where the library that makes it is not installed, fails or takes too long.

    Parameters
    ----------
    maker : str
        The module that ``draw`` needs. It is looked for first, without importing it.
    draw : callable
        Gives the bytes of a PNG. It runs in a thread, which is left alone if it takes too long.
    """
    if maker in _failed or importlib.util.find_spec(maker) is None:
        return {}
    made: list[bytes] = []

    def run() -> None:
        try:
            made.append(draw())
        except Exception:  # such as a browser that is not there: the chart is shown without a picture then
            _failed.add(maker)

    thread = threading.Thread(target=run, name=f"hitl-{maker}", daemon=True)
    thread.start()
    thread.join(STILL_SECONDS)
    if not made:
        _failed.add(maker)
        return {}
    return {"image/png": _text(made[0])}


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
