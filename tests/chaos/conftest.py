"""What a chaos run comes to: the seed in front, one table of figures at the end, whether all went well or not."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.checker import violations
from tests.chaos.evidence import Evidence
from tests.chaos.history import History
from tests.chaos.world import World

SEED_VARIABLE = "HITL_CHAOS_SEED"
LINES_PRINTED = 200
"""Lines of a history that a failing run prints; its file has all."""
LOG_PRINTED = 20_000
"""Characters of the server's log."""


class Figures:
    """What was done, counted by name."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def add(self, name: str, count: int = 1) -> None:
        """So many more of those."""
        self.counts[name] = self.counts.get(name, 0) + count

    def judge(self, evidence: Evidence) -> list[str]:
        """Hold evidence to all rules, count it, and return the violations."""
        found = violations(evidence)
        self.add("sessions judged", len(evidence.sessions))
        self.add("commands judged", len(evidence.ops))
        self.add("sightings judged", len(evidence.sightings))
        self.add("violations", len(found))
        return found


FIGURES = pytest.StashKey[Figures]()
SEED = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    """Choose the seed of this run, unless one is given."""
    config.stash[FIGURES] = Figures()
    config.stash[SEED] = int(os.environ.get(SEED_VARIABLE) or random.randrange(1_000_000))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table."""
    counts = config.stash[FIGURES].counts
    if counts:
        terminalreporter.section(f"chaos: {SEED_VARIABLE}={config.stash[SEED]}")
        for name, count in sorted(counts.items()):
            terminalreporter.write_line(f"{count:>9,}  {name}")


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
