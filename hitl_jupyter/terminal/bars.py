"""Progress on a terminal: bars at its foot, with what is said above them."""

from __future__ import annotations

from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from hitl_jupyter.snapshot import ProgressState
from hitl_jupyter.terminal.inert import one_line

LABEL_CHARS = 40


class Bars:
    """The bars of a session, in a ``with`` block; nothing where there is no terminal."""

    def __init__(self, console: Console | None) -> None:
        self._shown: dict[str, TaskID] = {}
        self._progress = None if console is None else _bars(console)

    def __enter__(self) -> Self:
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def show(self, states: tuple[ProgressState, ...]) -> None:
        """Bring them up to date; what is done has none any more."""
        if self._progress is None:
            return
        unfinished = [state for state in states if state.total is None or state.done < state.total]
        for state in unfinished:
            if state.progress_id not in self._shown:
                self._shown[state.progress_id] = self._progress.add_task("", total=state.total)
            label = one_line(state.label, LABEL_CHARS)
            self._progress.update(
                self._shown[state.progress_id], description=label, completed=state.done, total=state.total
            )
        for gone in self._shown.keys() - {state.progress_id for state in unfinished}:
            self._progress.remove_task(self._shown.pop(gone))


def _bars(console: Console) -> Progress:
    label = TextColumn("{task.description}", markup=False)
    return Progress(label, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console, transient=True)
