"""The results of a durable attempt's finished steps: a pickle each, in a folder, opened by workers alone."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path
from typing import Any

from hitl_jupyter.author.calls import Kept
from hitl_jupyter.errors import NotShippable, StoreUnavailable
from hitl_jupyter.worker.results import pickled, write_whole


class StepFolder:
    """The :class:`~hitl_jupyter.author.calls.Results` of a run in a worker.

    A step is finished once its file is there: files come to be whole, and survive power loss.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, call: str) -> Kept | None:
        """The result of that call, or None where it has none; raises ``NotShippable`` if it cannot be opened."""
        try:
            data = self._path(call).read_bytes()
        except FileNotFoundError:
            return None
        try:
            return Kept(pickle.loads(data))
        except Exception as error:  # an unpickler of user classes may raise anything
            raise NotShippable(
                f"What {call} gave cannot be opened any more ({type(error).__name__}: {error}). "
                "Bring back the code that it needs, or retry and have all done anew."
            ) from None

    def save(self, call: str, value: Any) -> None:
        """Keep it."""
        try:
            data = pickled(value)
        except NotShippable as error:
            raise NotShippable(f"What {call} gave {error}. Return plain data from the step.") from None
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            write_whole(self._path(call), data)
        except OSError as error:
            raise StoreUnavailable(f"What {call} gave could not be kept ({error}). Free space, then retry.") from None

    def _path(self, call: str) -> Path:
        return self._folder / f"{hashlib.sha256(call.encode()).hexdigest()[:32]}.pickle"
