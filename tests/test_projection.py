"""The projection: JSON of anything, bounded, and never an error."""

from __future__ import annotations

import dataclasses
import json
import math
from collections import OrderedDict, deque, namedtuple
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from fractions import Fraction
from pathlib import Path
from typing import Any, Never
from uuid import UUID

import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, SecretStr

from hitl_jupyter.projection import EXACT, MAX_DEPTH, MAX_ITEMS, MAX_ROWS, MAX_TEXT, project


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    HIGH = 2


class Account(BaseModel):
    user: str = "ada"
    token: SecretStr = SecretStr("hunter2")
    internal: str = Field(default="x", exclude=True)


@dataclasses.dataclass
class Point:
    x: int
    tags: set[str]


class Struct(msgspec.Struct):
    a: int


Pair = namedtuple("Pair", "left right")  # untyped ones exist too


class Hostile:
    """Raises wherever it is touched."""

    def __repr__(self) -> Never:
        raise RuntimeError("no")

    __str__ = __len__ = __iter__ = __repr__


class HostileMapping(dict[str, Any]):
    def items(self) -> Never:
        raise RuntimeError("no")


class Shouting(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "other"


@pytest.mark.parametrize(
    ("value", "projected"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (1.5, 1.5),
        ("a", "a"),
        (math.nan, None),
        (-math.inf, None),
        (EXACT + 1, str(EXACT + 1)),
        (Colour.RED, "red"),
        (Level.HIGH, 2),
        (Shouting("a"), "a"),
        ("\ud800", "?"),
        (date(2024, 5, 1), "2024-05-01"),
        (datetime(2024, 5, 1, tzinfo=UTC), "2024-05-01T00:00:00+00:00"),
        (time(18, 30), "18:30:00"),
        (timedelta(minutes=1), 60.0),
        (Decimal("1.10"), "1.10"),
        (Fraction(1, 3), "1/3"),
        (1 + 2j, "(1+2j)"),
        (UUID(int=0), "00000000-0000-0000-0000-000000000000"),
        (Path("a/b"), "a/b"),
        (b"abc", "<3 bytes>"),
        ((1, [2]), [1, [2]]),
        ({"b", "a"}, ["a", "b"]),
        (frozenset({1, "a"}), ["a", 1]),
        (deque([1]), [1]),
        (range(3), [0, 1, 2]),
        ({1: "a", None: "b", Colour.RED: "c", date(2024, 5, 1): "d", (1, 2): "e"},
         {"1": "a", "None": "b", "red": "c", "2024-05-01": "d", "(1, 2)": "e"}),
        (OrderedDict(a=1), {"a": 1}),
        (Pair(1, 2), {"left": 1, "right": 2}),
        (Point(1, {"a"}), {"x": 1, "tags": ["a"]}),
        (Struct(a=1), {"a": 1}),
        (Account(), {"user": "ada", "token": "**********"}),
        ([SecretStr("hunter2")], ["**********"]),
        (np.int64(3), 3),
        (np.float32("nan"), None),
        (np.bool_(True), True),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array([1.0, np.nan]), [1.0, None]),
        (np.datetime64("2024-05-01"), "2024-05-01"),
        (pd.Timestamp("2024-05-01"), "2024-05-01T00:00:00"),
        (pd.Timedelta(seconds=1), 1.0),
        ([pd.NaT, pd.NA], [None, None]),
        (pd.Index(["a"]), ["a"]),
        (pd.Series([1, None], name="s"), {"name": "s", "index": [0, 1], "values": [1.0, None], "length": 2}),
        (pd.DataFrame({"a": [1], "b": [pd.NaT]}, index=["i"]),
         {"columns": ["a", "b"], "rows": [[1, None]], "index": ["i"], "shape": [1, 2]}),
        (Point, repr(Point)),
        ([Hostile()], ["<Hostile>"]),
        (Hostile(), "<Hostile>"),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_a_value_is_projected_as_a_person_would_write_it(value: Any, projected: Any) -> None:
    assert project(value) == projected
    json.dumps(project(value), allow_nan=False)
    msgspec.json.encode(project(value))


def test_one_unreadable_member_leaves_the_others() -> None:
    assert project({"a": 1, "b": HostileMapping(x=1), "c": Hostile()}) == {"a": 1, "b": "{'x': 1}", "c": "<Hostile>"}


def test_a_value_inside_itself_is_cut() -> None:
    around: list[Any] = [1]
    around.append(around)
    assert project(around) == [1, "…"]


def test_the_same_value_twice_is_shown_twice() -> None:
    shared = [1]
    assert project([shared, shared]) == [[1], [1]]


@pytest.mark.parametrize("count", [MAX_ITEMS - 1, MAX_ITEMS, MAX_ITEMS + 7])
def test_a_long_list_says_how_much_is_left_out(count: int) -> None:
    projected = project(list(range(count)))
    left = count - MAX_ITEMS
    assert projected[:MAX_ITEMS] == list(range(min(count, MAX_ITEMS)))
    assert projected[MAX_ITEMS:] == ([f"… {left} more"] if left > 0 else [])


def test_a_large_mapping_says_how_much_is_left_out() -> None:
    assert project({n: n for n in range(MAX_ITEMS + 7)})["…"] == "7 more"


def test_a_long_text_is_cut() -> None:
    assert project("x" * (MAX_TEXT + 1)) == "x" * MAX_TEXT + "…"


def test_large_tables_and_arrays_show_their_first_rows() -> None:
    frame = pd.DataFrame(np.zeros((5_000, 300)))
    assert project(frame)["shape"] == [5_000, 300]
    assert len(project(frame)["rows"]) == MAX_ROWS == len(project(frame)["columns"])
    assert project(np.zeros((500, 500))) == {"shape": [500, 500], "dtype": "float64", "first": [0.0] * MAX_ROWS}


def test_tensors_are_shown_as_arrays_are() -> None:
    torch = pytest.importorskip("torch")
    assert project(torch.tensor([1.5, 2.5])) == [1.5, 2.5]
    assert project(torch.tensor(3)) == 3
    assert project(torch.zeros(5_000))["first"] == [0.0] * MAX_ROWS


def _nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        _nested(MAX_DEPTH * 50),
        [["x" * 1_000] * 900] * 900,
        [[[0] * 900] * 900] * 900,
        {str(n): ["x" * MAX_TEXT] * 900 for n in range(900)},
        10**100_000,
        ["x" * MAX_TEXT] * 999,
    ],
    ids=["deep", "texts", "lists", "mappings", "digits", "long texts"],
)
def test_whatever_its_size_its_projection_stays_small(value: Any) -> None:
    assert len(json.dumps(project(value), allow_nan=False)) < 3_000_000


def test_a_generator_is_described_and_not_used_up() -> None:
    generator = (n for n in range(3))
    assert project(generator).startswith("<generator object")
    assert list(generator) == [0, 1, 2]


_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.dates() | st.decimals()
    | st.builds(Hostile) | st.complex_numbers() | st.timedeltas() | st.just(np.float64("inf")) | st.just(Colour.RED),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers() | st.none() | st.binary(), inner)
    | st.tuples(inner, inner) | st.builds(Point, inner, inner) | st.builds(Pair, inner, inner),
    max_leaves=10,
)  # fmt: skip


@given(_anything)
def test_a_projection_is_always_json_and_its_own_projection(value: Any) -> None:
    projected = project(value)
    json.dumps(projected, allow_nan=False)
    msgspec.json.encode(projected)
    assert project(projected) == projected
