"""Hypothesis strategies for everything that travels: any struct of the contract, and whole sessions of events."""

from __future__ import annotations

import re
from typing import Any, get_args

import msgspec
from hypothesis import strategies as st

from hitl_jupyter import protocol

EVENT_TYPES: tuple[type[msgspec.Struct], ...] = get_args(protocol.JournalEvent)
SOCKET_TYPES: tuple[type[msgspec.Struct], ...] = get_args(protocol.SocketMessage)
COMMAND_TYPES: tuple[type[msgspec.Struct], ...] = get_args(protocol.Command)

EXACT = 2**53
"""Up to here a whole number is the same in every reader, as a float too."""

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
whole_numbers = st.integers(-EXACT, EXACT)
numbers = st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | whole_numbers | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
json_objects = st.dictionaries(texts, json_values, max_size=4)


def everythings(*kinds: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    """Any valid instance of these structs, every field filled from its annotation."""
    return st.one_of(*(_struct(kind) for kind in kinds))


def _struct(kind: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    described = msgspec.inspect.type_info(kind)
    assert isinstance(described, msgspec.inspect.StructType)
    required = {field.name: _of(field.type) for field in described.fields if field.required}
    optional = {field.name: _of(field.type) for field in described.fields if not field.required}
    return st.fixed_dictionaries(required, optional=optional).map(lambda values: kind(**values))


def _of(kind: msgspec.inspect.Type) -> st.SearchStrategy[Any]:
    """What a field of this type may hold; grows with the contract, and fails on a type it does not know."""
    match kind:
        case msgspec.inspect.Metadata():
            return _of(kind.type)
        case msgspec.inspect.UnionType():
            return st.one_of(*(_of(each) for each in kind.types if not isinstance(each, _UNSET)))
        case msgspec.inspect.LiteralType():
            return st.sampled_from(kind.values)
        case msgspec.inspect.StructType():
            return _struct(kind.cls)
        case msgspec.inspect.ListType():
            return st.lists(_of(kind.item_type), min_size=kind.min_length or 0, max_size=3)
        case msgspec.inspect.DictType():
            return st.dictionaries(_of(kind.key_type), _of(kind.value_type), max_size=3)
        case msgspec.inspect.StrType(pattern=str(pattern)):
            return st.from_regex(re.compile(pattern, re.ASCII), fullmatch=True)
        case msgspec.inspect.StrType():
            return texts.filter(lambda text: len(text) >= (kind.min_length or 0))
        case msgspec.inspect.IntType():
            over = -EXACT if kind.gt is None else kind.gt + 1
            low, high = (over if kind.ge is None else kind.ge), (EXACT if kind.le is None else kind.le)
            return st.integers(low, high)
        case _:
            return _PLAIN[type(kind)]


_UNSET = type(msgspec.inspect.type_info(msgspec.UnsetType))
_PLAIN: dict[type, st.SearchStrategy[Any]] = {
    msgspec.inspect.AnyType: json_values,
    msgspec.inspect.NoneType: st.none(),
    msgspec.inspect.BoolType: st.booleans(),
    msgspec.inspect.FloatType: numbers,
    msgspec.inspect.BytesType: st.binary(max_size=20),
}
