"""What an author may pass as a form, brought to types that pydantic takes: field lists and standard TypedDicts."""

from __future__ import annotations

import sys
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, NotRequired, Required, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, Secret, SecretStr, TypeAdapter, ValidationError, create_model
from typing_extensions import TypedDict, get_type_hints

from hitl_jupyter.forms.choices import Choices

_LIMITS = frozenset({"minimum", "maximum", "min_length", "max_length", "pattern"})
_KEYS = frozenset({"name", "title", "description", "type", "value", "required", "options"}) | _LIMITS


@dataclass(frozen=True)
class FieldSpec:
    """One entry of a field list, read."""

    name: str
    annotation: Any
    required: bool
    default: Any
    prefill: Any
    title: str | None
    description: str | None


def model_of(fields: typing.Sequence[Mapping[str, Any]]) -> tuple[type[BaseModel], dict[str, Any]]:
    """The model of a field list, and what to fill in at first where that is not a default.

    The model's own attribute names are of no account; its aliases are the fields' names, whatever characters they have.
    """
    specs = [_read(entry) for entry in fields]
    names = [spec.name for spec in specs]
    if len(set(names)) < len(names):
        raise ValueError(f"Two fields have one name among {names}: give each its own.")
    definitions: dict[str, Any] = {f"field_{at}": _definition(spec) for at, spec in enumerate(specs)}
    model = create_model("Fields", __config__=ConfigDict(extra="forbid"), **definitions)
    return model, {spec.name: spec.prefill for spec in specs if spec.prefill is not None}


def _definition(spec: FieldSpec) -> tuple[Any, Any]:
    default = ... if spec.required else spec.default
    return spec.annotation, Field(default, alias=spec.name, title=spec.title, description=spec.description)


def _read(entry: Mapping[str, Any]) -> FieldSpec:
    name, kind = entry.get("name"), entry.get("type", "string")
    if not isinstance(name, str) or not name:
        raise ValueError(f"A field has no name: {dict(entry)!r}. Give it one, as {{'name': 'subject'}}.")
    if unknown := set(entry) - _KEYS:
        raise ValueError(f"Field {name!r} has unknown keys {sorted(unknown)}; known ones are {sorted(_KEYS)}.")
    if kind not in _TYPES:
        raise ValueError(f"Field {name!r} has the unknown type {kind!r}; use one of {sorted(_TYPES)}.")
    value = entry.get("value")
    # An empty text is a default like any other, but a required field has to be filled in: there it says nothing.
    empty = value is None or (value == "" and (kind not in _TEXTS or bool(entry.get("required"))))
    required = bool(entry.get("required", empty and kind not in _EMPTY))
    annotation = _TYPES[kind](entry, required)
    if not required and empty and kind not in _EMPTY:
        annotation = Union[annotation, None]  # noqa: UP007  # a type made at run time
    return FieldSpec(
        name=name,
        annotation=annotation,
        required=required,
        default=_EMPTY.get(kind) if empty else _default(name, annotation, value),
        prefill=value if required and not empty and kind != "secret" else None,
        title=entry.get("title"),
        description=entry.get("description"),
    )


def _default(name: str, annotation: Any, value: Any) -> Any:
    try:
        return TypeAdapter(annotation).validate_python(value)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]["msg"]
        raise ValueError(f"The value of field {name!r} is no answer it would accept: {problem}. Correct it.") from None


# -- the types of a field list --------------------------------------------------------------------------------------


def _text(entry: Mapping[str, Any], required: bool, base: Any = str, extra: dict[str, Any] | None = None) -> Any:
    shortest = entry.get("min_length", 1 if required and entry.get("required") else None)
    limits = Field(
        min_length=shortest,
        max_length=entry.get("max_length"),
        pattern=entry.get("pattern") if base is str else None,
        json_schema_extra=extra,
    )
    return Annotated[base, limits]


def _long_text(entry: Mapping[str, Any], required: bool) -> Any:
    return _text(entry, required, extra={"ui:widget": "textarea"})


def _secret(entry: Mapping[str, Any], required: bool) -> Any:
    if entry.get("pattern") is None:
        return _text(entry, required, SecretStr)
    return Secret[_text(entry, required)]  # type: ignore[misc]  # a type made at run time; SecretStr takes no pattern


def _number(base: type) -> Callable[[Mapping[str, Any], bool], Any]:
    def build(entry: Mapping[str, Any], required: bool) -> Any:
        return Annotated[base, Field(ge=entry.get("minimum"), le=entry.get("maximum"))]

    return build


def _options(entry: Mapping[str, Any]) -> Choices:
    options = entry.get("options")
    if not options:
        raise ValueError(f"Field {entry['name']!r} has no options: list them, as {{'options': ['a', 'b']}}.")
    if isinstance(options, list) and all(isinstance(option, Mapping) for option in options):
        options = {str(option.get("label", option["value"])): option["value"] for option in options}
    return Choices(options)


def _one_option(entry: Mapping[str, Any], required: bool) -> Any:
    return _options(entry).one()


def _several_options(entry: Mapping[str, Any], required: bool) -> Any:
    shortest = entry.get("min_length", 1 if required else None)
    return _options(entry).several(shortest, entry.get("max_length"))


def _date(entry: Mapping[str, Any], required: bool) -> Any:
    return Annotated[date, Field(ge=_as_date(entry.get("minimum")), le=_as_date(entry.get("maximum")))]


def _as_date(limit: Any) -> date | None:
    return date.fromisoformat(limit) if isinstance(limit, str) else limit


_TYPES: dict[str, Callable[[Mapping[str, Any], bool], Any]] = {
    "string": _text,
    "text": _long_text,
    "int": _number(int),
    "float": _number(float),
    "bool": lambda entry, required: bool,
    "enum": _one_option,
    "multi": _several_options,
    "date": _date,
    "secret": _secret,
}
_TEXTS = frozenset({"string", "text"})
_EMPTY: dict[str, Any] = {"bool": False, "multi": []}
"""What a field of these types holds when nothing is said: it needs no answer."""


# -- standard TypedDicts, which pydantic takes from Python 3.12 on ----------------------------------------------------


def portable(spec: Any) -> Any:
    """The same type with every ``typing.TypedDict`` in it made one that pydantic takes under this Python."""
    return spec if sys.version_info >= (3, 12) else _portable(spec, frozenset())


def _portable(spec: Any, open_types: frozenset[int]) -> Any:
    if typing.is_typeddict(spec) and type(spec).__module__ == "typing" and id(spec) not in open_types:
        return _rebuilt(spec, open_types | {id(spec)})
    origin, args = get_origin(spec), get_args(spec)
    if origin is Annotated:
        return Annotated[(_portable(args[0], open_types), *spec.__metadata__)]
    if origin in (Union, types.UnionType):
        return Union[tuple(_portable(arg, open_types) for arg in args)]  # noqa: UP007  # made at run time
    if origin in (list, dict, set, frozenset, tuple):
        return origin[tuple(arg if arg is Ellipsis else _portable(arg, open_types) for arg in args)]
    return spec


def _rebuilt(spec: Any, open_types: frozenset[int]) -> Any:
    hints: dict[str, Any] = {}
    for name, hint in get_type_hints(spec, include_extras=True).items():
        origin: Any = get_origin(hint)
        stated = origin is Required or origin is NotRequired
        inner = _portable(get_args(hint)[0] if stated else hint, open_types)
        needed = origin is Required if stated else name in spec.__required_keys__
        hints[name] = Required[inner] if needed else NotRequired[inner]
    rebuilt = TypedDict(spec.__name__, hints)  # type: ignore[misc]  # made at run time
    rebuilt.__doc__ = spec.__doc__
    return rebuilt
