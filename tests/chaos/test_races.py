"""Of those who want one thing in one instant, one gets it, and the others learn who it was."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.chaos.figures import Figures
from tests.chaos.races import RACES, Race, rounds

pytestmark = pytest.mark.anyio

SHORT_ROUNDS = 25
LONG_ROUNDS = 1000

each_race = pytest.mark.parametrize("race", RACES, ids=lambda race: race.__name__)


async def run(race: Race, count: int, store: Path, rng: random.Random, figures: Figures) -> None:
    async with rounds(store, rng) as next_round:
        for number in range(count):
            contest = next_round()
            await race(contest)
            found = figures.judge(await contest.finish())
            figures.add("rounds of races")
            assert not found, (number, found, contest.history.ops)


@each_race
async def test_a_race_has_one_winner_and_its_losers_learn_who(
    race: Race, tmp_path: Path, rng: random.Random, figures: Figures
) -> None:
    await run(race, SHORT_ROUNDS, tmp_path, rng, figures)


@pytest.mark.chaos
@pytest.mark.timeout(1800)
@each_race
async def test_a_thousand_rounds_of_each_race(race: Race, tmp_path: Path, rng: random.Random, figures: Figures) -> None:
    await run(race, LONG_ROUNDS, tmp_path, rng, figures)
