"""A server under load whose processes, workers and viewers are killed at random: nothing is lost, nothing twice."""

from __future__ import annotations

import os
import random

import pytest

from tests.chaos.crowd import Crowd
from tests.chaos.figures import Figures
from tests.chaos.monkey import Monkey, quiesce
from tests.chaos.world import World

pytestmark = pytest.mark.processes

SECONDS_VARIABLE = "HITL_CHAOS_SECONDS"


def run(world: World, rng: random.Random, figures: Figures, *, seconds: float, pause: tuple[float, float]) -> None:
    seconds = float(os.environ.get(SECONDS_VARIABLE) or seconds)
    crowd = Crowd(world, rng, people=5, live=8)
    crowd.begin()
    try:
        Monkey(world, crowd, rng, figures, pause).rage(seconds)
    finally:
        crowd.go_home()
    quiesce(world, crowd, rng)
    found = figures.judge(world.evidence())
    figures.add("monkey: seconds", round(seconds))
    assert not found, "\n".join(found)
    assert not world.surprises, "\n".join(world.surprises)


@pytest.mark.timeout(240)
def test_a_monkey_for_a_short_while(world: World, rng: random.Random, figures: Figures) -> None:
    run(world, rng, figures, seconds=15, pause=(0.5, 2.0))


@pytest.mark.chaos
@pytest.mark.timeout(2 * 3600)
def test_a_monkey_for_twenty_minutes(world: World, rng: random.Random, figures: Figures) -> None:
    run(world, rng, figures, seconds=1200, pause=(5.0, 40.0))
