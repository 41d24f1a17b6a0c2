"""What finished steps of durable attempts came to: a pickle each, in a folder, opened by workers alone."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
from pathlib import Path

from hitl_jupyter.author.calls import Kept
from hitl_jupyter.errors import NotShippable, StoreUnavailable
from hitl_jupyter.link.spool import sync_folder
from hitl_jupyter.worker.results import pickled, write_whole


class StepFolder:
    """The :class:`~hitl_jupyter.author.calls.Results` of a run in a worker.

    A step is finished once its file is there: files come to be whole, and survive power loss.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, name: str) -> Kept | None:
        """What is kept under that name, or None; raises ``NotShippable`` if it cannot be opened."""
        try:
            data = self._path(name).read_bytes()
        except FileNotFoundError:
            return None
        try:
            value, error = pickle.loads(data)
        except Exception as why:  # an unpickler of user classes may raise anything
            raise NotShippable(
                f"What {name} gave cannot be opened any more ({type(why).__name__}: {why}). "
                "Bring back the code that it needs, or retry and have all done anew."
            ) from None
        return Kept(value, error)

    def save(self, name: str, kept: Kept) -> None:
        """Keep it. Of an error that cannot be pickled, its type and text are kept."""
        try:
            data = pickled((kept.value, kept.error))
        except NotShippable as why:
            if kept.error is None:
                raise NotShippable(f"What {name} gave {why}. Return plain data from the step.") from None
            data = pickled((None, RuntimeError(f"{type(kept.error).__name__}: {kept.error}")))
        try:
            if not self._folder.exists():
                self._folder.mkdir(mode=0o700, exist_ok=True)
                sync_folder(self._folder.parent)
            write_whole(self._path(name), data)
        except OSError as error:
            raise StoreUnavailable(f"What {name} gave could not be kept ({error}). Free space, then retry.") from None

    def save_again(self, name: str, other: str) -> None:
        """Keep what has one name under another, too: the same file, for results may be large."""
        try:
            with contextlib.suppress(FileExistsError):
                os.link(self._path(name), self._path(other))
            sync_folder(self._folder)
        except OSError as error:
            raise StoreUnavailable(f"What {name} gave could not be kept ({error}). Free space, then retry.") from None

    def _path(self, name: str) -> Path:
        return self._folder / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.pickle"
