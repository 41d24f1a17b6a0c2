"""A host that ends at any instant of a commit: the next one goes on, and nobody can tell from the session."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from tests.chaos.figures import Figures
from tests.chaos.history import History
from tests.chaos.host_child import INSTANTS
from tests.chaos.sweep import SCENARIOS, Crash, Patient, Scenario

pytestmark = pytest.mark.processes

SHORT_POINTS = 12
SHORT_DEPTH = 7
"""Every scenario has that many commits at least."""

LEAST_POINTS = 300
AT_ONCE = 2


class Sweep:
    """Plays points, judges each, and keeps count."""

    def __init__(self, folder: Path, figures: Figures) -> None:
        self._folder = folder
        self._figures = figures
        self._numbers = count(1)
        self.swept = 0
        self.found: list[str] = []

    def point(self, scenario: Scenario, *crashes: Crash) -> int:
        """Play one point; how many of its crashes it came to."""
        folder = self._folder / str(next(self._numbers))
        folder.mkdir()
        patient = Patient(folder, scenario, crashes, History(folder / "history.jsonl"))
        evidence = patient.play()
        patient.history.close()
        found = self._figures.judge(evidence)
        self.found += [f"{scenario.name} {crashes} in {folder}: {violation}" for violation in found]
        if crashes and patient.host.crashed == len(crashes):
            self.swept += 1
            self._figures.add("crash points swept")
        return patient.host.crashed


@pytest.fixture
def sweep(tmp_path: Path, figures: Figures) -> Sweep:
    return Sweep(tmp_path, figures)


@pytest.mark.timeout(240)
def test_a_crash_at_any_instant_of_a_commit_loses_nothing_and_does_nothing_twice(
    sweep: Sweep, rng: random.Random
) -> None:
    points = [
        (rng.choice(SCENARIOS), Crash(rng.choice(INSTANTS), rng.randint(1, SHORT_DEPTH))) for _ in range(SHORT_POINTS)
    ]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        crashed = list(threads.map(lambda point: sweep.point(*point), points))
    assert crashed == [1] * SHORT_POINTS
    assert not sweep.found, "\n".join(sweep.found)


def test_a_scenario_without_a_crash_breaks_no_rule(sweep: Sweep) -> None:
    assert sweep.point(SCENARIOS[0]) == 0
    assert not sweep.found


@pytest.mark.chaos
@pytest.mark.timeout(3600)
def test_every_instant_of_every_commit_of_every_scenario(sweep: Sweep, rng: random.Random) -> None:
    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(lambda line: _all_of(sweep, *line), _lines(rng)))
    assert not sweep.found, "\n".join(sweep.found)
    assert sweep.swept >= LEAST_POINTS


def _lines(rng: random.Random) -> Iterator[tuple[Scenario, int, random.Random]]:
    for scenario in SCENARIOS:
        for kind in range(len(INSTANTS)):
            yield scenario, kind, random.Random(rng.random())


def _all_of(sweep: Sweep, scenario: Scenario, kind: int, rng: random.Random) -> None:
    """Crash at the first, the second, … instant of a kind, until there is none; each also with a crash after it."""
    for number in count(1):
        crash = Crash(INSTANTS[kind], number)
        if not sweep.point(scenario, crash):
            return
        sweep.point(scenario, crash, Crash(rng.choice(INSTANTS), rng.randint(1, 3)))
