"""What the schema accepts the check accepts, for generated types and answers."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import jsonschema
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ConfigDict, Field, create_model

from hitl_jupyter.forms import form_for
from tests.forms.samples import (
    Colour,
    Level,
    Stay,
    accepts,
)
from tests.support.wire import EXACT, texts


def _bounds(draw: st.DrawFn, values: st.SearchStrategy[Any]) -> tuple[Any, Any]:
    low, high = draw(st.none() | values), draw(st.none() | values)
    return (high, low) if low is not None and high is not None and low > high else (low, high)


@st.composite
def _numbers(draw: st.DrawFn, base: Any, values: Any) -> Any:
    low, high = _bounds(draw, values)
    return Annotated[base, Field(ge=low, le=high)]


@st.composite
def _strings(draw: st.DrawFn) -> Any:
    low, high = _bounds(draw, st.integers(0, 5))
    return Annotated[str, Field(min_length=low, max_length=high)]


_whole = st.integers(-10, 10)
_simple_types = st.one_of(
    _strings(),
    _numbers(int, _whole),
    _numbers(float, _whole.map(float)),
    st.sampled_from([bool, Colour, Level, Literal["a", "b"], Literal[1, "a", None], Stay]),
)
_types = st.one_of(
    _simple_types,
    _simple_types.map(lambda kind: kind | None),  # type: ignore[operator]  # a type made at run time
    _simple_types.map(lambda kind: list[kind]),  # type: ignore[valid-type]  # a type made at run time
    _simple_types.map(lambda kind: dict[str, kind]),  # type: ignore[valid-type]  # as above
)
_models = st.dictionaries(st.sampled_from(["a", "b_c", "to", "value"]), st.tuples(_types, st.booleans()), max_size=3)
_answers = st.recursive(
    st.sampled_from([None, True, False, "a", "b", "red", "blue", 1, 2, 0, -11, 11, 0.5, EXACT, "", "abcdef"])
    | st.integers(-12, 12)
    | st.floats(-12, 12)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["nights", "a"]), inner, max_size=2),
    max_leaves=4,
)


@given(_models, st.data())
def test_what_the_schema_accepts_the_check_accepts(fields: dict[str, Any], data: st.DataObject) -> None:
    definitions: dict[str, Any] = {name: (kind, ... if needed else None) for name, (kind, needed) in fields.items()}
    form = form_for(create_model("M", __config__=ConfigDict(extra="forbid"), **definitions))
    values = data.draw(st.dictionaries(st.sampled_from([*fields, "stranger"]), _answers, max_size=4))
    fits = jsonschema.Draft202012Validator(form.schema).is_valid(values)
    old_fits = jsonschema.Draft7Validator(form.schema).is_valid(values)
    assert fits is old_fits
    if fits:
        form.check(values)
    else:
        assert not accepts(form, values) or _was_coerced(values)


def _was_coerced(value: Any) -> bool:
    """Whether pydantic may have taken this for another type, or a list of options for distinct ones, as it is wont."""
    if isinstance(value, dict):
        return any(map(_was_coerced, value.values()))
    if isinstance(value, list):
        return len(value) > 1 or any(map(_was_coerced, value))
    return value is not None


@given(_models)
def test_every_form_is_a_valid_schema_of_both_drafts_and_json(fields: dict[str, Any]) -> None:
    form = form_for(create_model("M", **{name: (kind, ...) for name, (kind, _) in fields.items()}))  # type: ignore[call-overload]  # made at run time
    jsonschema.Draft202012Validator.check_schema(form.schema)
    jsonschema.Draft7Validator.check_schema(form.schema)
    assert form.ui_schema["ui:order"] == list(fields) == [each["name"] for each in form.fields]
    json.dumps([form.schema, form.ui_schema, form.fields], allow_nan=False)


@given(st.text(min_size=1).filter(lambda name: not name.startswith("ui:")))
def test_any_name_makes_a_field_with_a_label(name: str) -> None:
    form = form_for([{"name": name, "type": "string"}])
    assert form.schema["properties"][name]["title"]
    assert form.check({name: "x"}) == {name: "x"}
