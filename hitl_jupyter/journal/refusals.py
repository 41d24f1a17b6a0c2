"""What SQLite's errors mean to a caller: the one place where they become ours."""

from __future__ import annotations

import errno

import apsw

from hitl_jupyter.errors import HitlError, Malformed, StoreDamaged, StoreFull, StoreUnavailable, WrongState

_FULL = (apsw.FullError,)
_FULL_NUMBERS = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
_DAMAGED = (apsw.CorruptError, apsw.NotADBError, apsw.FormatError)
_CONFLICT = (apsw.ConstraintError,)
_UNSTORABLE = (apsw.TooBigError, apsw.MismatchError, OverflowError, UnicodeEncodeError)


def refusal(error: Exception) -> HitlError:
    """The refusal that fits an error of SQLite (or of handing it a value).

    Examples
    --------
    >>> refusal(apsw.FullError("database or disk is full")).code
    'store_full'
    >>> refusal(apsw.IOError("disk I/O error")).code
    'store_unavailable'
    """
    if isinstance(error, HitlError):
        return error
    if isinstance(error, _FULL) or (isinstance(error, OSError) and error.errno in _FULL_NUMBERS):
        return StoreFull("The disk that holds the journal is full. Free some space, then send the same again.")
    if isinstance(error, _DAMAGED):
        return StoreDamaged(
            f"The journal's file is damaged ({error}). Restore it from a backup, or move it aside to start afresh."
        )
    if isinstance(error, _CONFLICT):
        return WrongState(f"The journal holds such a record already ({error}). Read it instead of writing it again.")
    if isinstance(error, _UNSTORABLE):
        return Malformed(f"A value cannot be stored ({error}). Send text without lone surrogates and 64-bit integers.")
    return StoreUnavailable(
        f"The journal cannot be used now ({type(error).__name__}: {error}). Send the same again in a moment."
    )
