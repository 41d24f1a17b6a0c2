"""One recorded answer: what a file of answers is made of."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from hitl_jupyter.scripts.asked import Asked


class Entry(Struct, frozen=True, kw_only=True):
    """A question and its answer, without ids, times or names of people.

    Attributes
    ----------
    key : str or None
        The author's name of the question; ``"retry"`` for an offer to try again.
    message : str or None
        What was asked. Where there is no key, the name of the question.
    session : str or None
        The title of the session that asked.
    asked : str, dict or None
        The types of what is asked for; None where the file does not say, and nothing is compared.
    value : Any
        The answer, without its secrets.
    not_recorded : tuple of str
        The secret fields, as paths in dots.
    occurrence : int
        Which of the answers to the questions of this name it is, from 1.
    line : int
        Where it stands in its file; 0 where it comes from none.
    """

    key: str | None = None
    message: str | None = None
    session: str | None = None
    asked: Asked | None = None
    value: Any = None
    not_recorded: tuple[str, ...] = ()
    occurrence: int = 1
    line: int = 0

    @property
    def name(self) -> str:
        """What scripts call the question: its key, else its message."""
        return self.key or self.message or ""
