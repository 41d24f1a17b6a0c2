"""The mask finds every secret that a schema declares, wherever it stands, and touches nothing else."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_jupyter.masking import MASK, has_secrets, mask, secret_texts, without_secrets
from tests.support.wire import json_values

SECRET = "hunter2"  # the very thing that must not get out
HIDDEN: dict[str, Any] = {"type": "string", "writeOnly": True, "format": "password"}
PLAIN: dict[str, Any] = {"type": "string"}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


SHAPES: dict[str, tuple[dict[str, Any], Any, Any]] = {
    "a field": (_object(a=HIDDEN, b=PLAIN), {"a": SECRET, "b": "x"}, {"a": MASK, "b": "x"}),
    "format alone": (_object(a={"format": "password"}), {"a": SECRET}, {"a": MASK}),
    "writeOnly alone": (_object(a={"writeOnly": True}), {"a": SECRET}, {"a": MASK}),
    "a number": (_object(a={"writeOnly": True}), {"a": 4711}, {"a": MASK}),
    "a group": (_object(a={"writeOnly": True}), {"a": {"b": [SECRET]}}, {"a": MASK}),
    "nested": (_object(a=_object(b=HIDDEN)), {"a": {"b": SECRET}}, {"a": {"b": MASK}}),
    "a list": (_object(a={"items": HIDDEN}), {"a": [SECRET, SECRET]}, {"a": [MASK, MASK]}),
    "a list of groups": (_object(a={"items": _object(b=HIDDEN)}), {"a": [{"b": SECRET}]}, {"a": [{"b": MASK}]}),
    "a tuple": (_object(a={"prefixItems": [PLAIN, HIDDEN]}), {"a": ["x", SECRET]}, {"a": ["x", MASK]}),
    "an old tuple": (_object(a={"items": [PLAIN, HIDDEN]}), {"a": ["x", SECRET]}, {"a": ["x", MASK]}),
    "the rest of a tuple": (
        _object(a={"prefixItems": [PLAIN], "items": HIDDEN}), {"a": ["x", SECRET]}, {"a": ["x", MASK]},
    ),
    "a mapping": (_object(a={"additionalProperties": HIDDEN}), {"a": {"k": SECRET}}, {"a": {"k": MASK}}),
    "a pattern": (_object(a={"patternProperties": {"^k": HIDDEN}}), {"a": {"k": SECRET}}, {"a": {"k": MASK}}),
    "anyOf": (_object(a={"anyOf": [HIDDEN, {"type": "null"}]}), {"a": SECRET}, {"a": MASK}),
    "oneOf": (_object(a={"oneOf": [_object(b=HIDDEN), PLAIN]}), {"a": {"b": SECRET}}, {"a": {"b": MASK}}),
    "allOf": (_object(a={"allOf": [HIDDEN]}), {"a": SECRET}, {"a": MASK}),
    "then": (_object(a={"if": {}, "then": HIDDEN}), {"a": SECRET}, {"a": MASK}),
    "dependent": (
        {"dependentSchemas": {"a": _object(b=HIDDEN)}, **_object(a=PLAIN)}, {"a": "x", "b": SECRET},
        {"a": "x", "b": MASK},
    ),
    "a reference": ({**_object(a={"$ref": "#/$defs/S"}), "$defs": {"S": HIDDEN}}, {"a": SECRET}, {"a": MASK}),
    "an escaped reference": (
        {**_object(a={"$ref": "#/$defs/a~1b~0c"}), "$defs": {"a/b~c": HIDDEN}}, {"a": SECRET}, {"a": MASK},
    ),
    "a reference of a reference": (
        {**_object(a={"$ref": "#/$defs/T"}), "$defs": {"T": {"anyOf": [{"$ref": "#/$defs/S"}]}, "S": HIDDEN}},
        {"a": SECRET}, {"a": MASK},
    ),
    "a recursive group": (
        {"$ref": "#/$defs/N", "$defs": {"N": _object(s=HIDDEN, n={"$ref": "#/$defs/N"})}},
        {"s": SECRET, "n": {"s": SECRET, "n": {"s": SECRET}}}, {"s": MASK, "n": {"s": MASK, "n": {"s": MASK}}},
    ),
    "a misspelt key beside a secret": (_object(a=HIDDEN, b=PLAIN), {"A": SECRET, "b": "x"}, {"A": MASK, "b": "x"}),
    "the whole": (HIDDEN, SECRET, MASK),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_every_declared_secret_is_masked_and_nothing_else(shape: str) -> None:
    schema, values, masked = SHAPES[shape]
    before = copy.deepcopy((schema, values))
    assert mask(values, schema) == masked
    assert (schema, values) == before
    assert has_secrets(schema)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_masked_value_stays_as_it_is_when_masked_again(shape: str) -> None:
    schema, values, masked = SHAPES[shape]
    assert mask(mask(values, schema), schema) == masked


@pytest.mark.parametrize("shape", SHAPES)
def test_without_secrets_neither_the_secret_nor_its_mask_is_left(shape: str) -> None:
    schema, values, _ = SHAPES[shape]
    kept = json.dumps(without_secrets(values, schema))
    assert SECRET not in kept
    assert MASK not in kept


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape != "a number"])
def test_the_secrets_of_a_value_can_be_listed(shape: str) -> None:
    schema, values, _ = SHAPES[shape]
    assert secret_texts(values, schema) == {SECRET}


def test_null_is_no_secret() -> None:
    assert mask({"a": None}, _object(a=HIDDEN)) == {"a": None}
    assert secret_texts({"a": None}, _object(a=HIDDEN)) == set()


def test_a_property_that_is_called_format_is_no_secret() -> None:
    schema = _object(format=PLAIN, writeOnly={"type": "boolean"})
    assert not has_secrets(schema)
    assert mask({"format": "password", "writeOnly": True}, schema) == {"format": "password", "writeOnly": True}


@pytest.mark.parametrize("schema", [{"$ref": "#"}, {"$ref": "#/$defs/none"}, {"$ref": "other.json"}, {"items": True}])
def test_an_unusable_schema_masks_nothing_and_raises_nothing(schema: dict[str, Any]) -> None:
    assert mask({"a": [1]}, schema) == {"a": [1]}
    assert not has_secrets(schema)


# -- properties ------------------------------------------------------------------------------------------------------

_schemas = st.recursive(
    st.sampled_from([HIDDEN, PLAIN, {}, {"type": "integer"}]),
    lambda inner: st.one_of(
        st.dictionaries(st.sampled_from("ab"), inner, max_size=2).map(lambda held: _object(**held)),
        inner.map(lambda held: {"type": "array", "items": held}),
        inner.map(lambda held: {"type": "object", "additionalProperties": held}),
        st.lists(inner, min_size=1, max_size=2).map(lambda held: {"anyOf": held}),
        st.lists(inner, min_size=1, max_size=2).map(lambda held: {"type": "array", "prefixItems": held}),
    ),
    max_leaves=6,
)


def _filled(draw: st.DrawFn, schema: dict[str, Any]) -> Any:
    """A value that fits, with the secret wherever the schema has one."""
    if "anyOf" in schema:
        return _filled(draw, draw(st.sampled_from(schema["anyOf"])))
    if "items" in schema:
        return [_filled(draw, schema["items"]) for _ in range(draw(st.integers(0, 2)))]
    if "prefixItems" in schema:
        return [_filled(draw, part) for part in schema["prefixItems"]]
    if "properties" in schema:
        return {name: _filled(draw, part) for name, part in schema["properties"].items() if draw(st.booleans())}
    if "additionalProperties" in schema:
        return {name: _filled(draw, schema["additionalProperties"]) for name in draw(st.sets(st.sampled_from("xy")))}
    return SECRET if schema == HIDDEN else draw(st.sampled_from([1, None, "plain", True]))


@given(_schemas, st.data())
def test_no_secret_is_left_in_any_value_of_any_schema(schema: dict[str, Any], data: st.DataObject) -> None:
    values = _filled(data.draw(st.composite(lambda draw: draw)()), schema)
    written = json.dumps(values)
    assert SECRET not in json.dumps(mask(values, schema))
    assert SECRET not in json.dumps(without_secrets(values, schema))
    assert json.dumps(values) == written
    if not has_secrets(schema):
        assert mask(values, schema) == values == without_secrets(values, schema)


@given(_schemas, json_values)
def test_any_value_can_be_masked_by_any_schema(schema: dict[str, Any], values: Any) -> None:
    once = mask(values, schema)
    assert mask(once, schema) == once
    json.dumps([once, without_secrets(values, schema)])
