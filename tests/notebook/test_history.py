"""Answers as data."""

from __future__ import annotations

import sys

import pandas as pd
import pytest

import hitl_jupyter as hitl
from hitl_jupyter.notebook.history import COLUMNS
from hitl_jupyter.snapshot import SETTLED_KEPT
from tests.notebook.test_session import from_cell
from tests.support.jupyter_process import JupyterProcess
from tests.support.waiting import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

STORY = from_cell(
    "def task(ctx):\n"
    "    ctx.ask([{'name': 'user', 'type': 'string'}, {'name': 'password', 'type': 'secret'}], 'Log in', key='login')\n"
    "    if ctx.ask(int, 'How many?', key='count') < 3: raise ValueError('too few')\n"
    "    ctx.confirm('Default?', default=True, deadline=0.01, on_deadline='default')\n"
    "    return ctx.confirm('Go on?', key='go')"
)
MANY = from_cell("def task(ctx, count):\n    for number in range(count): ctx.confirm(f'Question {number}')")


@pytest.fixture(autouse=True)
def as_kernel(kernel_of_server: JupyterProcess) -> JupyterProcess:
    return kernel_of_server


def keys(session: hitl.Session) -> list[str]:
    return [question.name for question in session.requests]


def test_questions_and_answers_are_rows_in_the_order_in_which_they_were_asked() -> None:
    with hitl.answers({"login": {"user": "ada", "password": "s3cret"}, "count": [1, 3], "retry": "ask"}):
        session = hitl.start(STORY, max_retries=1, title="Story")
        eventually(lambda: keys(session) == ["go"], "all but the last question is answered")
    table = hitl.history(session)
    assert tuple(table.columns) == COLUMNS
    assert list(table["key"].fillna("")) == ["login", "count", "retry", "login", "count", "", "go"]
    assert list(table["kind"][:3]) == ["user_input", "user_input", "retry"]
    assert list(table["outcome"]) == ["answered"] * 5 + ["defaulted", "open"]
    assert list(table["attempt"]) == [1, 1, 1, 2, 2, 2, 2]
    assert table["answer"][0] == {"user": "ada", "password": "**********"}
    assert (table["answer"][1], table["answer"][2], table["answer"][5]) == (1, True, True)
    assert set(table["session"]) == {"Story"}
    assert set(table["via"][:5]) == {"kernel"}
    assert str(table["asked"].dtype.tz) == "UTC"  # type: ignore[union-attr]  # of a date
    assert (table["answered"] - table["asked"]).dt.total_seconds().round(3).equals(table["seconds"].round(3))
    assert pd.isna(table["answered"][6])
    session.cancel()
    session.wait(timeout=60)


def test_all_sessions_are_told_of_or_some() -> None:
    with hitl.answers({"*": True}):
        one, other = hitl.start(MANY, count=1, title="One"), hitl.start(MANY, count=2, title="Other")
        one.result(60)
        other.result(60)
    assert set(hitl.history()["session"]) >= {"One", "Other"}
    assert list(hitl.history([one, other.id])["session"].value_counts().sort_index()) == [1, 2]
    assert len(hitl.history([])) == 0
    assert hitl.history([])["asked"].dtype == hitl.history(one)["asked"].dtype


def test_more_questions_than_a_snapshot_keeps_are_all_there() -> None:
    count = SETTLED_KEPT + 5
    with hitl.answers({"*": True}):
        session = hitl.start(MANY, count=count)
        session.result(90)
    assert list(hitl.history(session)["question"]) == [f"Question {number}" for number in range(count)]


def test_without_pandas_the_next_step_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(hitl.HitlError, match="pip install pandas"):
        hitl.history()


# -- scripted answers by way of a server -----------------------------------------------------------------------------


def test_a_script_answers_through_the_server_and_leaves_the_rest_to_the_person(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    file = tmp_path_factory.mktemp("record") / "answers.yaml"
    with hitl.record(file), hitl.answers({"Question 0": True}):
        session = hitl.start(MANY, count=2)
        eventually(lambda: keys(session) == ["Question 1"], "the script answers the first")
        session.answer(False)
        session.result(60)
        assert [entry.value for entry in session.answers()] == [True, False]
        assert file.read_text() == f"{session.answers()!r}\n"
