"""What chaos runs are given: the seed and its dice, a history that is kept, a world to break."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.figures import FIGURES, SEED, SEED_VARIABLE, Figures
from tests.chaos.history import History
from tests.chaos.world import World

LINES_PRINTED = 200
"""Lines of a history that a failing run prints; its file has all."""
LOG_PRINTED = 20_000
"""Characters of the server's log."""


@pytest.fixture
def figures(pytestconfig: pytest.Config) -> Figures:
    """Where a test counts what it did."""
    return pytestconfig.stash[FIGURES]


@pytest.fixture
def seed(pytestconfig: pytest.Config) -> int:
    """The seed of this run; a failing test prints it."""
    found = pytestconfig.stash[SEED]
    print(f"{SEED_VARIABLE}={found}")
    return found


@pytest.fixture
def rng(seed: int) -> random.Random:
    """The scheduler's dice, which fall alike for the same seed."""
    return random.Random(seed)


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    """A history in a file; its end is printed, which pytest shows where the test fails."""
    path = tmp_path / "history.jsonl"
    kept = History(path)
    yield kept
    kept.close()
    lines = path.read_text().splitlines()
    print(f"{path}: {len(lines)} lines, the last of which are")
    print("\n".join(lines[-LINES_PRINTED:]))


@pytest.fixture
def world(tmp_path: Path, history: History) -> Iterator[World]:
    """A real server with a store of its own, and its sessions."""
    made = World(tmp_path, history)
    try:
        made.bring_up()
        yield made
    finally:
        made.close()
        print(made.server.log[-LOG_PRINTED:])
