"""A notebook run by papermill that pauses for a person: its questions stand in the inbox of a server named by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.alone import Alone
from tests.support.answerer import answering
from tests.support.jupyter_process import JupyterProcess

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

TASK = """
import hitl_jupyter as hitl

def review(ctx):
    name = ctx.ask(str, "Who reviews?", key="name")
    return name if ctx.confirm("Publish?", key="publish") else "nobody"
"""
ASKS = "print(hitl.confirm('Drop 3 rows?', key='drop'), hitl.start(review).result())"


@pytest.fixture
def alone(tmp_path: Path) -> Alone:
    return Alone(tmp_path)


def test_papermill_waits_for_a_person_at_the_server_and_goes_on_with_the_answers(
    alone: Alone, module_server: JupyterProcess
) -> None:
    environ = {"HITL_JUPYTER_ASK": module_server.url, "HITL_JUPYTER_TOKEN": module_server.token}
    script: dict[str, list[Any]] = {"drop": [True], "name": [{"value": "Ada"}], "publish": [True]}
    with answering(module_server, script) as person:
        done = alone.papermill(alone.notebook(TASK, ASKS), {**module_server.variables, **environ})
    assert done.exit_code == 0, done.output
    assert not person.troubles
    assert not person.left
    assert done.outputs[1][-1]["text"].splitlines()[-1] == "True Ada"
    listed = module_server.request("GET", "hitl/sessions").json()["sessions"]
    assert {(each["title"], each["status"]) for each in listed} == {
        ("Drop 3 rows?", "completed"),
        ("Review", "completed"),
    }
