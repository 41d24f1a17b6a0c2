"""One line a figure: what it is, its target, and the bare cost beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rich.console import Console
from rich.table import Table

WIDTH = 132


@dataclass(frozen=True)
class Figure:
    """One measured value; ``target`` is met at or above it, or at or below it, as ``better`` says."""

    name: str
    value: float
    unit: str
    better: Literal["more", "less"]
    target: float | None = None
    bare: float | None = None
    bare_name: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None where there is none."""
        if self.target is None:
            return None
        return self.value >= self.target if self.better == "more" else self.value <= self.target

    @property
    def ratio(self) -> float | None:
        """This over the bare figure."""
        return self.value / self.bare if self.bare else None


def show(figures: Sequence[Figure], title: str) -> None:
    """Print all figures as one table."""
    table = Table(title=title, title_justify="left")
    for name in ("measured", "", "unit", "target", "", "bare", "× bare", "bare is"):
        table.add_column(name, justify="right" if name in ("", "target", "bare", "× bare") else "left")
    for figure in figures:
        table.add_row(
            figure.name,
            number(figure.value),
            figure.unit,
            _target(figure),
            {True: "[green]met", False: "[red]missed", None: ""}[figure.met],
            number(figure.bare),
            number(figure.ratio),
            figure.bare_name,
        )
    Console(width=WIDTH).print(table)


def number(value: float | None) -> str:
    """Three figures are enough.

    Examples
    --------
    >>> number(253127.4), number(1.2345), number(None)
    ('253,127', '1.23', '')
    """
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _target(figure: Figure) -> str:
    if figure.target is None:
        return ""
    return f"{'≥' if figure.better == 'more' else '≤'} {number(figure.target)}"
