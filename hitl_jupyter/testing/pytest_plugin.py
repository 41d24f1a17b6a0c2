"""The pytest plugin: fixtures that run a task with scripted answers, on a clock that the test moves.

pytest loads this in every project of an environment, so it loads nothing itself before a fixture is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from hitl_jupyter.author.heavy import heavy, loaded

if TYPE_CHECKING:
    from hitl_jupyter.testing.manual_clock import ManualClock
    from hitl_jupyter.testing.runs import Runs
    from hitl_jupyter.testing.stage import Stage

_RUNS: pytest.StashKey[Runs] = pytest.StashKey()
_FAILED: pytest.StashKey[bool] = pytest.StashKey()


@pytest.fixture(scope="session")
def _hitl_stage() -> Iterator[Stage]:
    """What holds the sessions of all tests, begun with the first of them."""
    stage: Stage = heavy("hitl_jupyter.testing.stage").Stage()
    yield stage
    stage.close()


@pytest.fixture
def hitl_run(request: pytest.FixtureRequest, _hitl_stage: Stage) -> Iterator[Runs]:
    """Run a task function in this process, with scripted answers: ``hitl_run(task, steps=3, answers={"key": value})``.

    It gives the finished run: ``run.result()`` is what the task returned, or raises what it raised;
    ``run.transcript()`` is all it told and asked as text, the same each time; ``run.status``, ``run.events()`` and what
    a session has besides. A question without an answer, an answer that is refused and one that nothing asked for fail
    the test. ``hitl_run.start(task)`` returns at once, and leaves questions without an answer open for the test.
    """
    with _hitl_stage.one_test() as runs:
        request.node.stash[_RUNS] = runs
        yield runs
        unused = runs.unused()
    if unused and not request.node.stash.get(_FAILED, False):
        pytest.fail(f"No question got these scripted answers: {', '.join(unused)}.", pytrace=False)


@pytest.fixture
def hitl_clock(hitl_run: Runs, _hitl_stage: Stage) -> ManualClock:
    """The clock that deadlines go by in this test: ``hitl_clock.advance(3600)`` lets an hour pass at once.

    It stands still otherwise. What ``ctx.sleep`` waits is skipped, in all tests, unless ``hitl_clock.sleeps`` is set.
    """
    return _hitl_stage.clock


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Put the transcripts of a failed test into its report."""
    runs = item.stash.get(_RUNS, None)
    if runs is None or call.excinfo is None or call.when != "call":
        return
    item.stash[_FAILED] = True
    for text in runs.transcripts():
        item.add_report_section("call", "hitl transcript", text)


def pytest_enter_pdb() -> None:
    """A task that stands at a breakpoint is talked to as if it was none: its prints are not its session's."""
    if (output := loaded("hitl_jupyter.notebook.run_output")) is not None:
        output.step_aside(True)


def pytest_leave_pdb() -> None:
    """It goes on."""
    if (output := loaded("hitl_jupyter.notebook.run_output")) is not None:
        output.step_aside(False)
