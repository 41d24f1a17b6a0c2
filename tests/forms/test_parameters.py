"""The parameters of a task as a form."""

from __future__ import annotations

import json
from datetime import date
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, SecretStr

from hitl_jupyter.forms import has_secrets, parameters_form
from hitl_jupyter.forms.docstrings import parameter_docs
from tests.forms.samples import (
    Colour,
    errors_of,
)


class Opaque:
    """A class that pydantic knows nothing of."""


def test_parameters_are_those_after_the_context_and_only_given_ones_are_passed() -> None:
    def train(ctx: Any, rounds: int = 10, *, schema: str, when: date | None = None) -> None: ...

    form = parameters_form(train)
    assert list(form.schema["properties"]) == ["rounds", "schema", "when"]
    assert form.schema["required"] == ["schema"]
    assert form.check({"schema": "a", "when": "2024-05-01"}) == {"schema": "a", "when": date(2024, 5, 1)}
    assert errors_of(form, {"rouns": 1}).keys() == {"schema", "rouns"}


def test_parameters_may_be_any_python_objects() -> None:
    def run(ctx: Any, thing: Opaque, other=None, *rest: int, copy: Colour = Colour.RED, **more: int) -> None: ...  # type: ignore[no-untyped-def]  # on purpose

    form = parameters_form(run)
    thing = Opaque()
    assert form.check({"thing": thing, "copy": "blue", "extra": 1}) == {
        "thing": thing, "copy": Colour.DARK_BLUE, "extra": 1,
    }  # fmt: skip
    assert "thing" in errors_of(form, {"thing": 1})


def test_an_annotation_that_cannot_be_resolved_takes_anything() -> None:
    def run(ctx: Any, a: Nowhere, b: int = 1) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    assert parameters_form(run).check({"a": "x"}) == {"a": "x"}


def test_a_secret_parameter_is_marked() -> None:
    default = SecretStr("hunter2")

    def run(ctx: Any, token: SecretStr = default) -> None: ...

    schema = parameters_form(run).schema
    assert has_secrets(schema)
    assert "hunter2" not in json.dumps(schema)


NUMPY = """Train.

    Parameters
    ----------
    rounds : int, optional
        How often,
        in ``epochs``.
    low, high
        The range.
    *rest
        The others.
    silent : str

    Returns
    -------
    model : Model
        What came of it.
    """
GOOGLE = """Train.

    Args:
        rounds (int, optional): How often,
            in ``epochs``.
        low: The range.
        high: The range.
        *rest: The others.

    Returns:
        model: What came of it.
    """


@pytest.mark.parametrize("doc", [NUMPY, GOOGLE])
def test_what_a_docstring_says_of_a_parameter_is_its_description(doc: str) -> None:
    def train(ctx: Any, rounds: int, low: float, high: Annotated[float, Field(description="Its own.")]) -> None: ...

    train.__doc__ = doc
    properties = parameters_form(train).schema["properties"]
    assert {name: part["description"] for name, part in properties.items()} == {
        "rounds": "How often, in epochs.", "low": "The range.", "high": "Its own.",
    }  # fmt: skip
    assert parameter_docs(doc) == {
        "rounds": "How often, in epochs.", "low": "The range.", "high": "The range.", "rest": "The others.",
    }  # fmt: skip


@given(st.text(alphabet="ab :*-(),\n ", max_size=80), st.sampled_from(["Args:\n", "Parameters\n---\n", ""]))
def test_no_docstring_is_too_odd_to_be_read(text: str, head: str) -> None:
    assert all(said for said in parameter_docs(f"{head}{text}").values())


def test_positional_only_parameters_are_refused() -> None:
    def run(ctx: Any, a: int, /) -> None: ...

    with pytest.raises(TypeError, match="by name"):
        parameters_form(run)
