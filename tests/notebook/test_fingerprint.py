"""The same code with the same parameters is told apart from any other, in this kernel and in the next."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_jupyter.notebook.fingerprint import fingerprint

CELL = '''
import functools
from dataclasses import dataclass
from pydantic import BaseModel, Field

COLOURS = {"red", "green", "blue"}

class Form(BaseModel):
    """What is asked."""
    rounds: int = Field(3, ge=LEAST)
    tags: set[str] = {"x", "y", "z"}

@dataclass
class Point:
    a: int
    def moved(self): return Point(self.a + 1)

def even(n): return n == 0 or odd(n - 1)
def odd(n): return n != 0 and even(n - 1)

@functools.lru_cache
def cached(n): return n

def train(ctx, form, *, start=Point(1)):
    def inner(x): return x in {"aa", "bb", "cc"}
    return [inner(c) for c in COLOURS], even(4), Form(), cached(2)
'''

PRINTED = f"""
import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression
from hitl_jupyter.notebook.fingerprint import fingerprint

LEAST = 1
exec(compile({CELL!r}, "/tmp/ipykernel_{{}}/1.py", "exec"), globals())
frame = pd.DataFrame({{"a": np.arange(5), "b": list("vwxyz")}})
model = LinearRegression().fit(frame[["a"]], frame["a"])
circle = []
circle.append(circle)
print(fingerprint(train, (Form(rounds=4), frame), {{"model": model, "labels": {{1, "a", "b"}}, "circle": circle}}))
"""


def run_cell(source: str = CELL, **names: Any) -> dict[str, Any]:
    """What a cell leaves behind, as if it had run in the notebook's namespace."""
    namespace = {"__name__": "__main__", "LEAST": 1, **names}
    exec(compile(source, "<cell>", "exec", dont_inherit=True), namespace)
    return namespace


def printed_by_a_new_process(hash_seed: str) -> str:
    environ = {**os.environ, "PYTHONHASHSEED": hash_seed}
    return subprocess.check_output([sys.executable, "-c", PRINTED], text=True, env=environ)


@pytest.mark.processes
def test_another_kernel_with_another_hash_seed_comes_to_the_same() -> None:
    assert printed_by_a_new_process("1") == printed_by_a_new_process("2")


def test_running_a_cell_again_changes_nothing() -> None:
    assert fingerprint(run_cell()["train"], (), {}) == fingerprint(run_cell()["train"], (), {})


def test_where_a_cell_stands_changes_nothing() -> None:
    moved = run_cell("\n\n# a comment\n" + CELL)
    assert fingerprint(run_cell()["train"], (), {}) == fingerprint(moved["train"], (), {})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Point(1)):", "Point(2)):"),
        ('"red"', '"pink"'),
        ('"bb"', '"bbb"'),
        ("odd(n - 1)", "odd(n - 3)"),
        ("even(n - 1)", "even(n - 3)"),
        ("rounds: int", "rounds: float"),
        ("def train(ctx, form", "def train(ctx, form: int"),
        ("self.a + 1", "self.a + 2"),
        ("cached(n): return n", "cached(n): return -n"),
        ("Form(), cached", "Form(rounds=4), cached"),
    ],
)
def test_any_change_of_what_runs_shows(before: str, after: str) -> None:
    changed = run_cell(CELL.replace(before, after))
    assert CELL.replace(before, after) != CELL
    assert fingerprint(run_cell()["train"], (), {}) != fingerprint(changed["train"], (), {})


def test_a_limit_of_a_form_is_part_of_it() -> None:
    assert fingerprint(run_cell()["train"], (), {}) != fingerprint(run_cell(LEAST=2)["train"], (), {})


def test_a_variable_that_the_task_does_not_use_is_no_part_of_it() -> None:
    assert fingerprint(run_cell()["train"], (), {}) == fingerprint(run_cell(other=object())["train"], (), {})


def test_what_cannot_be_pickled_counts_by_its_type() -> None:
    assert fingerprint(print, (sys.stdout,), {}) == fingerprint(print, (sys.stderr,), {})


def test_parameters_by_name_may_come_in_any_order() -> None:
    assert fingerprint(print, (), {"a": 1, "b": 2}) == fingerprint(print, (), {"b": 2, "a": 1})
    assert fingerprint(print, (1, 2), {}) != fingerprint(print, (2, 1), {})


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(), inner, max_size=4)
        | st.frozensets(st.integers() | st.text(), max_size=5)
        | st.tuples(inner, inner)
    ),
    max_leaves=12,
)


@given(VALUES, VALUES)
def test_equal_parameters_and_only_they_digest_alike(one: Any, other: Any) -> None:
    same = fingerprint(print, (one,), {}) == fingerprint(print, (other,), {})
    assert same == (repr(one) == repr(other) or (one == other and repr(sorted_sets(one)) == repr(sorted_sets(other))))


def sorted_sets(value: Any) -> Any:
    """The value with its sets in one order, so that ``repr`` tells 1 from True but not the order of a set."""
    if isinstance(value, frozenset):
        return ("set", *sorted(map(repr, value)))
    if isinstance(value, dict):
        return {key: sorted_sets(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(sorted_sets, value))
    return value


def test_a_type_variable_of_the_notebook_is_the_same_when_its_cell_runs_again() -> None:
    source = "from typing import TypeVar\nT = TypeVar('T')\ndef task(x: T) -> T: return x"
    first, again = (fingerprint(run_cell(source)["task"], (), {}) for _ in range(2))
    assert first == again


def test_an_edited_module_of_the_users_own_is_other_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "my_steps.py"
    source = "import hitl_jupyter as hitl\nRATE = 1\ndef clean(x): return x * RATE\ntask = hitl.task(clean)"
    monkeypatch.syspath_prepend(str(tmp_path))
    file.write_text(source)
    steps = importlib.import_module("my_steps")
    cell = run_cell("def go(ctx): return clean(3)", clean=steps.clean)["go"]
    ways = (steps.clean, steps.task, cell)
    first = [fingerprint(way, (), {}) for way in ways]
    assert first == [fingerprint(way, (), {}) for way in ways]
    file.write_text(source.replace("RATE = 1", "RATE = 2"))
    assert not set(first) & {fingerprint(way, (), {}) for way in ways}
