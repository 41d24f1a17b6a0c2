"""Notebooks that nobody watches, run by nbclient and papermill: answered by a file, a parameter, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.alone import Alone

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]

TASK = """
import hitl_jupyter as hitl

def label(ctx):
    chosen = [ctx.choose(f"Image {n}?", ["cat", "dog"], key="label") for n in range(3)]
    return chosen if ctx.confirm("Keep them?", key="keep") else []
"""
RECORD = """
hitl_jupyter: answers/1
answers:
  - {key: label, message: "Image 0?", asks: cat | dog, value: cat}
  - {key: label, message: "Image 1?", occurrence: 2, asks: cat | dog, value: dog}
  - {key: label, message: "Image 2?", occurrence: 3, asks: cat | dog, value: cat}
  - {key: keep, message: "Keep them?", asks: yes or no, value: true}
"""


@pytest.fixture
def alone(tmp_path: Path) -> Alone:
    (tmp_path / "answers.yaml").write_text(RECORD)
    return Alone(tmp_path)


@pytest.mark.parametrize("runner", ["nbclient", "papermill"])
def test_a_file_in_the_environment_answers_a_notebook(alone: Alone, runner: str) -> None:
    notebook = alone.notebook(TASK, "session = hitl.start(label)\nsession", "print(session.transcript())")
    done = getattr(alone, runner)(notebook, {"HITL_JUPYTER_ANSWERS": "answers.yaml"})
    assert done.exit_code == 0, done.output
    assert done.outputs[-1][0]["text"].splitlines()[-3:] == [
        "? Keep them?",
        "= yes",
        'completed: ["cat", "dog", "cat"]',
    ]


def test_a_parameter_of_papermill_answers_a_notebook(alone: Alone) -> None:
    notebook = alone.notebook('hitl_answers = "answers.yaml"', TASK, "print(hitl.start(label).result())")
    done = alone.papermill(notebook)
    assert done.exit_code == 0, done.output
    assert done.outputs[-1][0]["text"] == "['cat', 'dog', 'cat']\n"


@pytest.mark.parametrize("runner", ["nbclient", "papermill"])
@pytest.mark.parametrize("last", ["hitl.start(label)", "hitl.start(label).result()"])
def test_a_cell_whose_question_nobody_answers_fails_and_says_what_to_write(
    alone: Alone, runner: str, last: str
) -> None:
    done = getattr(alone, runner)(alone.notebook(TASK, last))
    assert done.exit_code != 0
    error = done.outputs[1 if runner == "nbclient" else -1][-1]
    assert (error["output_type"], error["ename"]) == ("error", "NoAnswer")
    assert "Nobody is there to answer <user_input 'Image 0?' (key 'label')>" in error["evalue"]
    assert "Give one with hitl.answers({'label': <cat | dog>})" in error["evalue"]


def test_a_script_without_answers_ends_with_the_error(alone: Alone) -> None:
    done = alone.script(f"{TASK}\nhitl.start(label).result()")
    assert done.exit_code == 1
    assert done.output.rstrip().splitlines()[-1].startswith("hitl_jupyter.errors.NoAnswer: Nobody is there to answer")
    assert not alone.stores
