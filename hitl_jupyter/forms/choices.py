"""A closed list of options: how each is shown, what travels for it, and what the author gets back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Annotated, Any

from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from hitl_jupyter.forms.words import humanise

RADIO_OPTIONS = 7
"""Up to so many options all stand in sight; more become a drop-down list."""


class Choices:
    """Options to choose from.

    Parameters
    ----------
    options
        Values, members of an ``Enum`` (or the class itself), or a mapping of label to value. A value that is not a
        JSON scalar travels as its label.

    Examples
    --------
    >>> choices = Choices({"Keep": 1, "Drop": 0})
    >>> choices.schema["oneOf"]
    [{'const': 1, 'title': 'Keep'}, {'const': 0, 'title': 'Drop'}]
    >>> choices.wire_of(0), choices.value_of(1)
    (0, 1)
    """

    def __init__(self, options: Iterable[Any] | Mapping[str, Any]) -> None:
        pairs = _pairs(options)
        self._values = {_key(_wire(label, value)): value for label, value in pairs}
        if not pairs:
            raise ValueError("There is nothing to choose from: pass at least one option.")
        if len(self._values) < len(pairs):
            raise ValueError("Two options look the same to a person: give each its own label, as {label: value}.")
        self._wires = [(_wire(label, value), value) for label, value in pairs]
        self.schema = choice_schema([(_wire(label, value), label) for label, value in pairs])

    def value_of(self, wire: Any) -> Any:
        """The author's option for what came back."""
        key = _key(wire)
        if key not in self._values:
            raise PydanticCustomError("choice", "Choose one of the options.")
        return self._values[key]

    def wire_of(self, value: Any) -> Any:
        """What travels for an option of the author's."""
        for wire, option in self._wires:
            if option is value or _key(wire) == _key(value) or _equal(option, value):
                return wire
        raise ValueError(f"The default {value!r} is not one of the options: pass one of them.")

    def one(self) -> Any:
        """The type of a field that takes one option."""
        return Annotated[Any, AfterValidator(self.value_of), WithJsonSchema(dict(self.schema))]

    def several(self, min_items: int | None = None, max_items: int | None = None) -> Any:
        """The type of a field that takes any number of options, each at the most once."""
        return Annotated[
            list[self.one()],  # type: ignore[misc]  # a type made at run time
            AfterValidator(_distinct),
            Field(min_length=min_items, max_length=max_items),
        ]

    @property
    def few(self) -> bool:
        """Whether all of them can stand in sight."""
        return len(self._wires) <= RADIO_OPTIONS


def choice_schema(options: Sequence[tuple[Any, str]]) -> dict[str, Any]:
    """The JSON Schema of one choice among ``(value, label)`` pairs."""
    found = {json_type(value) for value, _ in options}
    types = [name for name in _TYPES.values() if name in found]
    branches = [{"const": value, "title": label} for value, label in options]
    return {"type": types[0] if len(types) == 1 else types, "oneOf": branches}


def json_type(value: Any) -> str | None:
    """The JSON Schema type of a scalar; None for anything else."""
    if isinstance(value, bool):
        return "boolean"
    return next((name for kind, name in _TYPES.items() if isinstance(value, kind)), None)


_TYPES: dict[type, str] = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}
"""In this order: of several types a form library takes the first as the field's, and text takes any of them."""


def _pairs(options: Iterable[Any] | Mapping[str, Any]) -> list[tuple[str, Any]]:
    if isinstance(options, Mapping):
        return [(str(label), value) for label, value in options.items()]
    return [(_label(option), option) for option in options]


def _label(option: Any) -> str:
    if isinstance(option, Enum):
        return humanise(option.name)
    if option is None:
        return "(none)"
    if isinstance(option, bool):
        return "Yes" if option else "No"
    return str(option)


def _wire(label: str, value: Any) -> Any:
    if isinstance(value, Enum):
        value = value.value if _travels(value.value) else value.name
    return value if _travels(value) else label


def _travels(value: Any) -> bool:
    return type(value) in (str, int, bool, type(None)) or (type(value) is float and value - value == 0)


def _key(value: Any) -> Any:
    """JSON tells true from 1, Python does not."""
    if isinstance(value, Enum):
        value = value.value
    return (isinstance(value, bool), value) if _travels(value) else (id(value),)


def _equal(one: Any, other: Any) -> bool:
    try:
        return type(one) is type(other) and bool(one == other)
    except Exception:  # arrays and tables have no single truth
        return False


def _distinct(values: list[Any]) -> list[Any]:
    if any(value is other for at, value in enumerate(values) for other in values[:at]):
        raise PydanticCustomError("choice", "Choose each option once.")
    return values
