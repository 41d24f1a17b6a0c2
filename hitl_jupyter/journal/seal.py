"""A checksum in the value itself, for the JSON that stands in columns: snapshots, resolutions, replies, drafts.

SQLite notices a page whose structure is broken; a flipped bit in the middle of a value it hands out as it is. Batches
have a column for their checksum. The other values carry it behind the JSON, so that the schema stays as it was
released: what schema 1 wrote has no seal and must be one whole JSON document instead.
"""

from __future__ import annotations

import re
import zlib
from typing import Final

import msgspec

from hitl_jupyter.errors import StoreDamaged

_SEAL: Final = re.compile(rb"\n([0-9a-f]{8})\Z")
_unsealed = msgspec.json.Decoder(msgspec.Raw)


def seal(data: bytes) -> bytes:
    """The value as it is stored: JSON, a line break (which our JSON has none of) and its checksum in hex.

    Examples
    --------
    >>> seal(b"{}")
    b'{}\\na3a6bf43'
    >>> unseal(seal(b"{}"))
    b'{}'
    """
    return b"%b\n%08x" % (data, zlib.crc32(data))


def unseal(stored: bytes) -> bytes:
    """The value that was sealed; raises ``StoreDamaged`` if its bytes are not those."""
    found = _SEAL.search(stored, max(0, len(stored) - 9))
    data = stored if found is None else stored[: found.start()]
    if found is None and not _is_json(stored):
        raise _damaged()
    if found is not None and int(found[1], 16) != zlib.crc32(data):
        raise _damaged()
    return data


def _is_json(data: bytes) -> bool:
    try:
        _unsealed.decode(data)
    except msgspec.DecodeError:
        return False
    return True


def _damaged() -> StoreDamaged:
    return StoreDamaged("A record of the journal is damaged on disk. Restore the journal from a backup.")
