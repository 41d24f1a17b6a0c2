"""What a run of chaos comes to: its seed, and one table of figures at the end, whether all went well or not.

A pytest plugin of its own, since where tests run in several processes only the first of them speaks to people: it
chooses the seed for all, and adds up what the others counted.
"""

from __future__ import annotations

import os
import random
from typing import Any

import pytest

from tests.chaos.checker import violations
from tests.chaos.evidence import Evidence

SEED_VARIABLE = "HITL_CHAOS_SEED"


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
    """Choose the seed of this run, unless one is given; processes that are started for it get the same."""
    os.environ.setdefault(SEED_VARIABLE, str(random.randrange(1_000_000)))
    config.stash[SEED] = int(os.environ[SEED_VARIABLE])
    config.stash[FIGURES] = Figures()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand the figures over, where this is not the process that shows them."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["figures"] = session.config.stash[FIGURES].counts


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Add up what another process counted; one that crashed has handed nothing over."""
    figures: Figures = node.config.stash[FIGURES]
    for name, count in getattr(node, "workeroutput", {}).get("figures", {}).items():
        figures.add(name, count)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table."""
    counts = config.stash[FIGURES].counts
    if counts:
        terminalreporter.section(f"chaos: {SEED_VARIABLE}={config.stash[SEED]}")
        for name, count in sorted(counts.items()):
            terminalreporter.write_line(f"{count:>9,}  {name}")
