"""Where tests run: one host for all tests of a process, on a clock that they move, and each test alone on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hitl_jupyter.notebook.attendance import nobody_there
from hitl_jupyter.notebook.embedded import EmbeddedHost
from hitl_jupyter.notebook.hosts import calls_go_to
from hitl_jupyter.notebook.layers import VARIABLE
from hitl_jupyter.testing.manual_clock import ManualClock
from hitl_jupyter.testing.runs import Runs


class Stage:
    """A host, its clock, and its tests one after the other."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self._host = EmbeddedHost(name="pytest", clock=self.clock)
        self.clock.on_move = self._host.pass_deadlines

    @contextmanager
    def one_test(self) -> Iterator[Runs]:
        """While this lasts, nobody is there to ask, and all that the test starts is held here; then it is forgotten."""
        self.clock.start_anew()
        runs = Runs(self._host)
        with pytest.MonkeyPatch.context() as patch, nobody_there(), calls_go_to(self._host):
            patch.delenv(VARIABLE, raising=False)  # answers of notebooks are not a test's
            yield runs
            left = runs.close()
        if left:
            pytest.fail(
                f"Still running, though cancelled: {', '.join(left)}. Have it call ctx.check_cancelled() now and then, "
                "and wait with ctx.sleep.",
                pytrace=False,
            )

    def close(self) -> None:
        """End it all."""
        self._host.close()
